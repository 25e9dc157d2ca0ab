-- Storage accounting. Per account of one country: what it keeps, by kind, against its plan's quota, how many of its
-- items have lost their object, and what it uploaded in December.
SELECT a.email,
       p.name                                                      AS plan,
       sum(CASE WHEN i.kind = 'contact'  THEN i.bytes ELSE 0 END)  AS contacts,
       sum(CASE WHEN i.kind = 'document' THEN i.bytes ELSE 0 END)  AS documents,
       sum(CASE WHEN i.kind = 'photo'    THEN i.bytes ELSE 0 END)  AS photos,
       sum(i.bytes) * 100 / p.quota_bytes                          AS percent_of_quota,
       count(*) - count(o.key)                                     AS lost,
       max(u.uploads)                                              AS uploads_in_december
FROM app.headwater.accounts a                                                     -- MySQL
JOIN billing.public.plans p ON p.id = a.plan_id                                   -- Postgres
JOIN docs.default.items i ON i.account_id = a.id AND NOT i.deleted                -- DynamoDB, behind a Flight server
LEFT JOIN lake.default.inventory o                                                -- S3 Inventory, a manifest
       ON o.key = i.object_key AND o.is_latest AND NOT o.is_delete_marker
LEFT JOIN (SELECT account_id, sum(uploads) AS uploads FROM lake.default.usage     -- Parquet on S3, a folder a day
           WHERE day >= DATE '2025-12-01' GROUP BY account_id) u ON u.account_id = a.id
WHERE a.country = 'NZ'
GROUP BY a.id, a.email, p.name, p.quota_bytes
ORDER BY percent_of_quota DESC, a.email
LIMIT 20
