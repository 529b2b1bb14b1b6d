-- PostgreSQL, Metabase or Grafana: the share of each week's studies at a station with each flag.
WITH studies AS (
    SELECT date_trunc('week', received_at) AS week, station_name, flags,
           count(*) OVER (PARTITION BY date_trunc('week', received_at), station_name) AS of_studies
    FROM worklist_v1
)
SELECT week, station_name, flag, count(*) AS studies, count(*)::float / of_studies AS share
FROM studies, unnest(string_to_array(flags, ',')) AS flag
WHERE flag <> ''
GROUP BY week, station_name, flag, of_studies
ORDER BY week, station_name, flag;
