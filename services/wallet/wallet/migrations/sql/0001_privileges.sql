-- The service may read, and may act through these functions; balances and entries it can reach in no other way.
-- Proposals are its own to write, once.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA ledger FROM PUBLIC;

DO $$
DECLARE
    v_service text := regexp_replace(current_user, '_owner$', '_service');
    v_function text;
BEGIN
    IF v_service = current_user THEN
        RAISE EXCEPTION 'migrations run as a role named <name>_owner, not as %', current_user;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA ledger TO %I', v_service);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO %I', v_service);
    EXECUTE format('GRANT INSERT ON ledger.proposal, ledger.proposal_decision TO %I', v_service);
    FOREACH v_function IN ARRAY ARRAY['register_owners', 'open_account', 'open_fund', 'close_account', 'post', 'post_each',
                                      'open_holds', 'release_holds', 'expire_holds'] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.%I TO %I', v_function, v_service);
    END LOOP;
END
$$;
