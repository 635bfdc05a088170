-- Each fact has the version of the event that told it last. Where the log no longer reaches back,
-- it has that of its unit or member, which no event to come is below.
INSERT INTO directory_unit (unit_id, version, name, kind)
WITH told AS (
    SELECT aggregate_id, aggregate_version FROM event_log WHERE type = 'pharos.targets.unit.saved.v1'
     UNION ALL
    SELECT aggregate_id, aggregate_version FROM outbox WHERE type = 'pharos.targets.unit.saved.v1'),
last AS (
    SELECT aggregate_id, max(aggregate_version) AS version FROM told GROUP BY aggregate_id)
SELECT u.id, coalesce(l.version, u.version), u.name, u.kind
  FROM unit AS u
  LEFT JOIN last AS l ON l.aggregate_id = u.id;

INSERT INTO directory_placement (unit_id, valid_from, parent_id, version)
WITH told AS (
    SELECT aggregate_id, aggregate_version, payload
      FROM event_log WHERE type = 'pharos.targets.unit.placed.v1'
     UNION ALL
    SELECT aggregate_id, aggregate_version, payload
      FROM outbox WHERE type = 'pharos.targets.unit.placed.v1'),
last AS (
    SELECT aggregate_id, (payload ->> 'valid_from')::date AS valid_from,
           max(aggregate_version) AS version
      FROM told
     GROUP BY aggregate_id, (payload ->> 'valid_from')::date)
SELECT p.unit_id, p.valid_from, p.parent_id, coalesce(l.version, u.version)
  FROM unit_placement AS p
  JOIN unit AS u ON u.id = p.unit_id
  LEFT JOIN last AS l ON l.aggregate_id = p.unit_id AND l.valid_from = p.valid_from;

INSERT INTO directory_member (member_id, version)
WITH told AS (
    SELECT aggregate_id, aggregate_version
      FROM event_log WHERE type = 'pharos.targets.member.saved.v1'
     UNION ALL
    SELECT aggregate_id, aggregate_version
      FROM outbox WHERE type = 'pharos.targets.member.saved.v1'),
last AS (
    SELECT aggregate_id, max(aggregate_version) AS version FROM told GROUP BY aggregate_id)
SELECT m.id, coalesce(l.version, m.version)
  FROM member AS m
  LEFT JOIN last AS l ON l.aggregate_id = m.id;

INSERT INTO directory_assignment (member_id, valid_from, unit_id, leads, version)
WITH told AS (
    SELECT aggregate_id, aggregate_version, payload
      FROM event_log WHERE type = 'pharos.targets.member.assigned.v1'
     UNION ALL
    SELECT aggregate_id, aggregate_version, payload
      FROM outbox WHERE type = 'pharos.targets.member.assigned.v1'),
last AS (
    SELECT aggregate_id, (payload ->> 'valid_from')::date AS valid_from,
           max(aggregate_version) AS version
      FROM told
     GROUP BY aggregate_id, (payload ->> 'valid_from')::date)
SELECT a.member_id, a.valid_from, a.unit_id, a.leads, coalesce(l.version, m.version)
  FROM assignment AS a
  JOIN member AS m ON m.id = a.member_id
  LEFT JOIN last AS l ON l.aggregate_id = a.member_id AND l.valid_from = a.valid_from;

INSERT INTO directory_post (member_id, starts, ends, unit_id, leads)
SELECT s.member_id, s.starts, s.ends, s.unit_id, s.leads
  FROM (SELECT member_id, unit_id, leads, valid_from AS starts,
               lead(valid_from, 1, 'infinity') OVER (
                   PARTITION BY member_id ORDER BY valid_from) AS ends
          FROM directory_assignment) AS s
 WHERE s.unit_id IS NOT NULL;

-- Up from every unit along the days on which it hangs there; spans that touch become one.
INSERT INTO unit_line (unit_id, above_id, starts, ends)
WITH RECURSIVE step AS (
    SELECT unit_id, parent_id, valid_from AS starts,
           lead(valid_from, 1, 'infinity') OVER (PARTITION BY unit_id ORDER BY valid_from) AS ends
      FROM directory_placement),
line (unit_id, above_id, starts, ends, path) AS (
    SELECT unit_id, unit_id, date '-infinity', date 'infinity', ARRAY[unit_id]
      FROM directory_unit
     UNION ALL
    SELECT l.unit_id, s.parent_id, greatest(l.starts, s.starts), least(l.ends, s.ends),
           l.path || s.parent_id
      FROM line AS l
      JOIN step AS s ON s.unit_id = l.above_id AND s.starts < l.ends AND s.ends > l.starts
     WHERE s.parent_id IS NOT NULL AND s.parent_id <> ALL(l.path)),
apart AS (
    SELECT unit_id, above_id, starts, ends,
           starts IS DISTINCT FROM lag(ends) OVER (
               PARTITION BY unit_id, above_id ORDER BY starts) AS opens
      FROM line),
numbered AS (
    SELECT unit_id, above_id, starts, ends,
           count(*) FILTER (WHERE opens) OVER (
               PARTITION BY unit_id, above_id ORDER BY starts) AS place
      FROM apart)
SELECT unit_id, above_id, min(starts), max(ends)
  FROM numbered
 GROUP BY unit_id, above_id, place;
