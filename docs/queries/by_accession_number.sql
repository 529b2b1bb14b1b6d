-- RIS: what is known of one order. An index serves this.
SELECT study_instance_uid, status, priority, ordered_priority, probability, band, operating_point,
       model_release, reason_codes, flags, acknowledged_by, acknowledged_at
FROM worklist_v1
WHERE accession_number = :accession_number;
