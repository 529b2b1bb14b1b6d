-- PostgreSQL, Metabase or Grafana: minutes from one step to the next, median and 95th percentile,
-- by day of reception and priority. (0008,0020) Study Date and (0008,0030) Study Time are the
-- modality's local time: set the session's time zone to the hospital's. screened_at is of the
-- result that is shown, so look at days that were not screened again since.
SELECT received_at::date AS day, priority, count(*) AS studies,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM received_at - (study_date + study_time)) / 60
       ) AS acquired_to_received_min,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM screened_at - received_at) / 60
       ) AS received_to_screened_min,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM acknowledged_at - received_at) / 60
       ) AS received_to_acknowledged_min,
       max(extract(epoch FROM acknowledged_at - received_at) / 60)
           AS received_to_acknowledged_max_min
FROM worklist_v1
GROUP BY day, priority
ORDER BY day, priority;
