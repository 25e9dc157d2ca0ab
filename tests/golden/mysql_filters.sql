SELECT o_orderkey, o_totalprice
FROM my.tpch.orders
WHERE o_orderstatus = 'F' AND o_totalprice > 400000 AND o_clerk LIKE 'Clerk#00000009%' AND upper(o_comment) LIKE '%FINAL%'
LIMIT 5
