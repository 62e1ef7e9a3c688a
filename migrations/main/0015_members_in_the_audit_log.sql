-- What people do who sign in is written by `pipeline`, the one role that may touch sessions; its statements name their
-- accounts themselves, as everywhere.
DROP POLICY IF EXISTS every_account ON main.audit_log;
CREATE POLICY every_account ON main.audit_log TO owner, pipeline USING (true);
DROP POLICY IF EXISTS every_account ON main.audit_personal;
CREATE POLICY every_account ON main.audit_personal TO owner, pipeline USING (true);
