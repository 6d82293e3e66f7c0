-- The two planes' roles. Generated: python -m prefect_cloudtrail.store.roles > deploy/database/roles.sql
--
-- Run it as the database's owner, in the case store's database, after each update of prefect-cloudtrail:
--   psql --set ON_ERROR_STOP=1 --file roles.sql postgresql://OWNER@HOST/NAME
-- The owner, not these roles, makes and migrates the tables: run `prefect-cloudtrail incidents` as it first.
-- Then give each plane a user of its own:
--   CREATE USER detect_worker IN ROLE cloudtrail_detect;
--   CREATE USER responder_host IN ROLE cloudtrail_responder;

BEGIN;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cloudtrail_detect') THEN CREATE ROLE cloudtrail_detect NOLOGIN; END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cloudtrail_responder') THEN CREATE ROLE cloudtrail_responder NOLOGIN; END IF;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM cloudtrail_detect;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM cloudtrail_detect;
GRANT USAGE ON SCHEMA public TO cloudtrail_detect;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO cloudtrail_detect;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM cloudtrail_responder;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM cloudtrail_responder;
GRANT USAGE ON SCHEMA public TO cloudtrail_responder;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO cloudtrail_responder;

-- The detect plane: all but what the responder alone may write.
GRANT INSERT, UPDATE, DELETE ON alert_events TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON alerts TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON contexts TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON deliveries TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON endings TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON entries TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON files TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON incident_revisions TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON incidents TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON leases TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON notices TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON objects TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON outbox TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON owners_asked TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON places TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON rejected TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON requests TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON runs TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON slack_cards TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON slack_messages TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON state TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON tell TO cloudtrail_detect;
GRANT INSERT, UPDATE, DELETE ON verdicts TO cloudtrail_detect;
GRANT USAGE ON SEQUENCE entries_number_seq TO cloudtrail_detect;
GRANT USAGE ON SEQUENCE notices_number_seq TO cloudtrail_detect;
GRANT USAGE ON SEQUENCE rejected_number_seq TO cloudtrail_detect;
GRANT USAGE ON SEQUENCE runs_number_seq TO cloudtrail_detect;
GRANT USAGE ON SEQUENCE slack_messages_number_seq TO cloudtrail_detect;
GRANT USAGE ON SEQUENCE verdicts_number_seq TO cloudtrail_detect;

-- The responder: its own, of which nothing is ever deleted, and what it says of an incident.
GRANT INSERT, UPDATE ON contexts TO cloudtrail_responder;
GRANT INSERT, UPDATE ON entries TO cloudtrail_responder;
GRANT INSERT, UPDATE ON heartbeats TO cloudtrail_responder;
GRANT INSERT, UPDATE ON manual_steps TO cloudtrail_responder;
GRANT INSERT, UPDATE ON notices TO cloudtrail_responder;
GRANT INSERT, UPDATE ON outbox TO cloudtrail_responder;
GRANT INSERT, UPDATE ON owners_asked TO cloudtrail_responder;
GRANT INSERT, UPDATE ON receipts TO cloudtrail_responder;
GRANT INSERT, UPDATE ON requests TO cloudtrail_responder;
GRANT INSERT, UPDATE ON shown TO cloudtrail_responder;
GRANT INSERT, UPDATE ON slack_cards TO cloudtrail_responder;
GRANT INSERT, UPDATE ON slack_messages TO cloudtrail_responder;
GRANT INSERT, UPDATE ON verdicts TO cloudtrail_responder;
GRANT INSERT, UPDATE ON watches TO cloudtrail_responder;
GRANT INSERT ON audit TO cloudtrail_responder;
GRANT INSERT ON breaker TO cloudtrail_responder;
GRANT INSERT ON decisions TO cloudtrail_responder;
GRANT INSERT ON settlements TO cloudtrail_responder;
GRANT USAGE ON SEQUENCE breaker_number_seq TO cloudtrail_responder;
GRANT USAGE ON SEQUENCE entries_number_seq TO cloudtrail_responder;
GRANT USAGE ON SEQUENCE notices_number_seq TO cloudtrail_responder;
GRANT USAGE ON SEQUENCE slack_messages_number_seq TO cloudtrail_responder;
GRANT USAGE ON SEQUENCE verdicts_number_seq TO cloudtrail_responder;

COMMIT;
