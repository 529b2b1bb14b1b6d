-- Data scientist: how often readers agreed with each release, and on what they did not. It reads a
-- table, so it needs the role pneumoscreen_service or the owner.
SELECT model_release, verdict, comment_code, count(*) AS verdicts
FROM feedback
GROUP BY model_release, verdict, comment_code
ORDER BY model_release, verdict, comment_code;
