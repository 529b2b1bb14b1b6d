-- PostgreSQL, Metabase or Grafana: how scores are distributed, by week, station and release.
-- A station whose quartiles leave the others' has changed its detector, its processing or its
-- patients; a release that moves them all has changed the meaning of a score.
SELECT date_trunc('week', received_at) AS week, station_name, model_release, count(*) AS studies,
       percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY probability) AS quartiles,
       avg((band = 'POSITIVE')::int) AS positive_share,
       avg((band = 'INDETERMINATE')::int) AS indeterminate_share
FROM worklist_v1
WHERE probability IS NOT NULL
GROUP BY week, station_name, model_release
ORDER BY week, station_name, model_release;
