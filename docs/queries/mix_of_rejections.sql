-- PostgreSQL, Metabase or Grafana: why studies were not screened, by station and age band.
SELECT station_name,
       CASE WHEN patient_age_years IS NULL THEN 'unknown'
            WHEN patient_age_years < 1 THEN 'under 1'
            WHEN patient_age_years < 6 THEN '1 to 5'
            WHEN patient_age_years < 18 THEN '6 to 17'
            ELSE 'adult' END AS age_band,
       reason_code, count(*) AS studies
FROM worklist_v1, unnest(string_to_array(reason_codes, ',')) AS reason_code
WHERE reason_code <> ''
GROUP BY station_name, age_band, reason_code
ORDER BY station_name, age_band, reason_code;
