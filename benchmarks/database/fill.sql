-- Made-up studies numbered :first to :last, by SQL on the server: one instance each, screened by
-- one release; nine in ten are acknowledged. Foreign keys are not checked meanwhile, which only a
-- superuser may ask for.
SET LOCAL session_replication_role = replica;

CREATE TEMPORARY TABLE made_up ON COMMIT DROP AS
SELECT n, n % 10 > 0 AS is_read, score,
       CASE WHEN score >= 0.92 THEN 'POSITIVE' WHEN score >= 0.8 THEN 'INDETERMINATE'
            ELSE 'NEGATIVE' END AS band,
       CASE WHEN score >= 0.92 THEN 'STAT' WHEN score >= 0.8 THEN 'HIGH'
            ELSE 'ROUTINE' END AS priority,
       CASE WHEN score >= 0.92 THEN 10 WHEN score >= 0.8 THEN 20 ELSE 50 END AS priority_rank,
       timestamptz '2020-01-01 00:00+00' + n * interval '37 seconds' AS received_at,
       '1.2.826.0.1.3680043.9.7.' AS uid_root
FROM generate_series(CAST(:first AS bigint), :last) AS n,
     LATERAL (SELECT ((n * 7919) % 1000) / 1000.0 AS score) AS scored;

INSERT INTO model_release VALUES (1, 'bench', 'none', '', 1, '{}') ON CONFLICT DO NOTHING;

INSERT INTO study (study_id, study_instance_uid, accession_number, patient_id, patient_sex,
    patient_age_years, study_date, study_time, modality, station_name, institution_name,
    status, reason_codes, flags, probability, band, operating_point, priority, priority_rank,
    effective_priority_rank, model_release, instances, instances_screened, received_at,
    screened_at, waiting_since, acknowledged_by, acknowledged_at)
SELECT n, uid_root || n, 'A' || n, 'P' || n / 2, 'F', n % 18, CAST(received_at AS date),
    CAST(received_at AS time), 'DX', 'STATION-' || n % 20, 'HOSPITAL', 'SCREENED', '', '', score,
    band, 0.8, priority, priority_rank, CASE WHEN is_read THEN 90 ELSE priority_rank END, 'bench',
    1, 1, received_at, received_at + interval '20 seconds', received_at,
    CASE WHEN is_read THEN 'reader' END,
    CASE WHEN is_read THEN received_at + interval '1 hour' END
FROM made_up;

INSERT INTO instance (instance_id, study_id, sha256, sop_instance_uid, series_instance_uid,
    accession_number, patient_id, patient_age_years, modality, view_position, station_name,
    institution_name, flags, received_lane, lane, state, attempts, registered_at)
SELECT n, n, encode(sha256(CAST(CAST(n AS text) AS bytea)), 'hex'), uid_root || n || '.1.1',
    uid_root || n || '.1', 'A' || n, 'P' || n / 2, n % 18, 'DX', 'PA', 'STATION-' || n % 20,
    'HOSPITAL', '', 'URGENT', 'URGENT', 'SCREENED', 1, received_at
FROM made_up;

INSERT INTO source_file (source_file_id, path, path_sha256, size, mtime_ns, inode, first_seen_at,
    last_seen_at, instance_id)
SELECT n, CAST('/archive/' || n AS bytea), encode(sha256(CAST('/archive/' || n AS bytea)), 'hex'),
    8000000, n, n, received_at, received_at, n
FROM made_up;

INSERT INTO screening (screening_id, instance_id, model_release_id, preprocessing_version, engine,
    priority, screened_at)
SELECT n, n, 1, 1, 'none', priority, received_at + interval '20 seconds' FROM made_up;

INSERT INTO finding (screening_id, code, probability, band, operating_point)
SELECT n, 'PNEUMONIA', score, band, 0.8 FROM made_up;

INSERT INTO event (occurred_at, actor, kind, study_id, instance_id, from_state, to_state)
SELECT received_at, 'worker', 'SCREENED', n, n, 'CLAIMED', 'SCREENED' FROM made_up;

SELECT setval('study_study_id_seq', :last), setval('instance_instance_id_seq', :last),
    setval('source_file_source_file_id_seq', :last), setval('screening_screening_id_seq', :last)
