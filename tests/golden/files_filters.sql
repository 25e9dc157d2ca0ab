SELECT ps_partkey, ps_supplycost
FROM lake.default.partsupp
WHERE ps_partkey < 100 AND ps_supplycost > 990 AND ps_comment LIKE '%furious%'
