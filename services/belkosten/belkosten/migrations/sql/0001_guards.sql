-- What was decided, told and billed stays as it was; what follows is a new row.
CREATE FUNCTION belkosten.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: its rows are never changed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['authorisation', 'invoice_line'] LOOP
        EXECUTE format('CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON belkosten.%I'
                       ' FOR EACH ROW EXECUTE FUNCTION belkosten.refuse_change()', v_table);
        EXECUTE format('ALTER TABLE belkosten.%I ENABLE ALWAYS TRIGGER stays', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['participation', 'credit', 'credit_return', 'sim_month', 'purchase', 'authorisation', 'call',
                                   'invoice', 'invoice_line'] LOOP
        EXECUTE format('CREATE TRIGGER is_never_emptied BEFORE TRUNCATE ON belkosten.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION belkosten.refuse_change()', v_table);
        EXECUTE format('ALTER TABLE belkosten.%I ENABLE ALWAYS TRIGGER is_never_emptied', v_table);
    END LOOP;
END $$;

-- A purchase is answered once; what was answered stays.
CREATE TRIGGER is_answered_once BEFORE UPDATE ON belkosten.purchase
    FOR EACH ROW WHEN (OLD.state <> 'asked') EXECUTE FUNCTION belkosten.refuse_change();
ALTER TABLE belkosten.purchase ENABLE ALWAYS TRIGGER is_answered_once;
CREATE TRIGGER stays BEFORE DELETE ON belkosten.purchase
    FOR EACH ROW EXECUTE FUNCTION belkosten.refuse_change();
ALTER TABLE belkosten.purchase ENABLE ALWAYS TRIGGER stays;
