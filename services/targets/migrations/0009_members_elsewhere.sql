UPDATE directory_member AS d
   SET external_source = m.external_source, external_id = m.external_id
  FROM member AS m
 WHERE m.id = d.member_id AND m.external_id IS NOT NULL;
