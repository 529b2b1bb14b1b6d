-- Imaging informatics: studies that no screening covers wholly, and why. Silence is no "negative".
SELECT study_instance_uid, accession_number, station_name, status, instances, instances_screened,
       reason_codes, received_at
FROM worklist_v1
WHERE status IN ('PARTIAL', 'NOT_SCREENED') AND acknowledged_at IS NULL
ORDER BY received_at;
