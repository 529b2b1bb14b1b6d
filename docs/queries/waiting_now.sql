-- Dashboard: how many studies wait in each place of the worklist, and since when the longest.
SELECT effective_priority_rank, count(*) AS studies, min(waiting_since) AS longest_waiting_since
FROM worklist_v1
WHERE acknowledged_at IS NULL
GROUP BY effective_priority_rank
ORDER BY effective_priority_rank;
