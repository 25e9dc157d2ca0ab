-- Two stores, one question. Per month of sign-up: how many users, how many of them finished a workflow, what they
-- spent, and the median hours from sign-up to the first finished workflow.
SELECT CAST(date_trunc('month', u.created_at) AS DATE)  AS month,
       count(*)                                         AS users,
       count(w.first_completed)                         AS activated,
       coalesce(sum(o.revenue), 0)                      AS revenue,
       round(median(CAST(to_unixtime(w.first_completed) - to_unixtime(u.created_at) AS DOUBLE) / 3600), 2) AS median_hours
FROM crm.public.users u
LEFT JOIN (SELECT user_id, sum(amount) AS revenue
           FROM crm.public.orders GROUP BY user_id) o ON o.user_id = u.id
LEFT JOIN (SELECT user_id, min(completed_at) AS first_completed
           FROM events.default.workflow_items
           WHERE status = 'COMPLETED' GROUP BY user_id) w ON w.user_id = u.id
WHERE u.country = 'NZ'
GROUP BY 1
ORDER BY 1
