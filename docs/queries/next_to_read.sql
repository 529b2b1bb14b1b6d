-- RIS: what to read next. An index serves exactly this order.
SELECT study_instance_uid, accession_number, patient_id, priority, ordered_priority, status,
       probability, reason_codes, flags, waiting_since
FROM worklist_v1
WHERE acknowledged_at IS NULL
ORDER BY effective_priority_rank, waiting_since
LIMIT 100;
