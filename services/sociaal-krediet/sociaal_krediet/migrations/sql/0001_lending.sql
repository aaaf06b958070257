-- The interest-free loan. Amounts in cents. The state of a loan is the replay of its facts; what stands here beside
-- them (sums, open instalments) is that replay written down, so that it can be searched and guarded.

CREATE SCHEMA sociaal_krediet;

-- Everybody who ever was in a household that applied: their row is the lock under which a cap is tested (SK-1).
CREATE TABLE sociaal_krediet.person (
    holder_id text PRIMARY KEY CHECK (holder_id <> '')
);

CREATE TABLE sociaal_krediet.application (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    holder_id text NOT NULL,
    kind text NOT NULL,
    amount bigint NOT NULL,
    months smallint,
    household_size smallint NOT NULL,
    acute_need text NOT NULL,
    perspective text NOT NULL,
    advice text,
    consent_given_on date NOT NULL,
    state text NOT NULL,
    applied_by text NOT NULL,
    applied_on date NOT NULL,
    applied_at timestamptz NOT NULL,
    CONSTRAINT application_by UNIQUE (id, applied_by, amount),
    CONSTRAINT application_kind_known CHECK (kind IN ('loan', 'gift')),
    CONSTRAINT application_state_known CHECK (state IN ('submitted', 'decided', 'withdrawn')),
    CONSTRAINT application_amount_positive CHECK (amount > 0),
    CONSTRAINT application_loan_has_months CHECK ((kind = 'loan') = (months IS NOT NULL)),
    CONSTRAINT application_months_in_range CHECK (months BETWEEN 1 AND 36 AND amount >= months),
    CONSTRAINT application_household_counted CHECK (household_size >= 1),
    CONSTRAINT application_with_consent CHECK (consent_given_on <= applied_on)
);
CREATE INDEX application_open ON sociaal_krediet.application (number) WHERE state = 'submitted';
CREATE INDEX application_of_helper ON sociaal_krediet.application (applied_by, number);

CREATE TABLE sociaal_krediet.household_member (
    application_id uuid NOT NULL REFERENCES sociaal_krediet.application,
    holder_id text NOT NULL REFERENCES sociaal_krediet.person,
    PRIMARY KEY (application_id, holder_id)
);

-- A document is referred to, never kept: the municipality's own archive has it.
CREATE TABLE sociaal_krediet.document (
    application_id uuid NOT NULL REFERENCES sociaal_krediet.application,
    number smallint NOT NULL,
    title text NOT NULL,
    reference text NOT NULL,
    PRIMARY KEY (application_id, number)
);

-- Who is to be paid out of the loan or gift (SK-8). The IBAN is in the wallet, under the payee.
CREATE TABLE sociaal_krediet.creditor (
    application_id uuid NOT NULL REFERENCES sociaal_krediet.application,
    number smallint NOT NULL,
    payee_id uuid NOT NULL UNIQUE,
    iban_id uuid NOT NULL,
    name text NOT NULL,
    reference text,
    amount bigint NOT NULL,
    state text NOT NULL,
    bank_reason text,
    changed_on date,
    PRIMARY KEY (application_id, number),
    CONSTRAINT creditor_amount_positive CHECK (amount > 0),
    CONSTRAINT creditor_state_known CHECK (state IN ('asked', 'owed', 'sent', 'settled', 'returned', 'rejected'))
);

CREATE TABLE sociaal_krediet.decision (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL UNIQUE,
    applied_by text NOT NULL,
    outcome text NOT NULL,
    product text,
    legal_basis text,
    reason text NOT NULL,
    amount bigint NOT NULL,
    cap bigint NOT NULL,
    outstanding bigint NOT NULL,
    decided_by text NOT NULL,
    decided_on date NOT NULL,
    decided_at timestamptz NOT NULL,
    object_until date NOT NULL,
    CONSTRAINT decision_for UNIQUE (id, application_id, amount),
    CONSTRAINT decision_of_applicant FOREIGN KEY (application_id, applied_by, amount)
        REFERENCES sociaal_krediet.application (id, applied_by, amount),
    -- SK-6: who applies does not decide.
    CONSTRAINT decision_by_another CHECK (decided_by <> applied_by),
    CONSTRAINT decision_outcome_known CHECK (outcome IN ('loan', 'gift', 'refused')),
    -- SK-11: a loan has a product with a legal basis.
    CONSTRAINT decision_loan_has_a_basis CHECK ((outcome = 'loan') = (num_nonnulls(product, legal_basis) = 2)),
    -- SK-1, as it was reckoned under the lock of every member.
    CONSTRAINT decision_below_cap CHECK (outcome = 'refused' OR outstanding + amount <= cap),
    CONSTRAINT decision_leaves_time_to_object CHECK (object_until > decided_on)
);

CREATE SEQUENCE sociaal_krediet.loan_number;

CREATE TABLE sociaal_krediet.loan (
    id uuid PRIMARY KEY,
    number bigint NOT NULL UNIQUE,
    decision_id uuid NOT NULL UNIQUE,
    application_id uuid NOT NULL,
    holder_id text NOT NULL REFERENCES sociaal_krediet.person,
    helper text NOT NULL,
    product text NOT NULL,
    rf_reference text NOT NULL UNIQUE,
    principal bigint NOT NULL,
    months smallint NOT NULL,
    first_due_on date NOT NULL,
    opened_on date NOT NULL,
    state text NOT NULL,
    repaid bigint NOT NULL,
    outstanding bigint NOT NULL,
    remitted bigint NOT NULL,
    written_off bigint NOT NULL,
    early_mode text NOT NULL,
    schedule_version int NOT NULL,
    booked_on date,
    problem_code text,
    problem text,
    last_message uuid,
    settled_on date,
    -- What is lent is what was decided, and that what was asked.
    CONSTRAINT loan_of_decision FOREIGN KEY (decision_id, application_id, principal)
        REFERENCES sociaal_krediet.decision (id, application_id, amount),
    CONSTRAINT loan_state_known CHECK (state IN ('active', 'repaid', 'remitted', 'writtenOff')),
    CONSTRAINT loan_months_in_range CHECK (months BETWEEN 1 AND 36 AND principal >= months),
    CONSTRAINT loan_adds_up CHECK (principal = repaid + outstanding + remitted + written_off),
    CONSTRAINT loan_amounts_not_negative CHECK (repaid >= 0 AND outstanding >= 0 AND remitted >= 0 AND written_off >= 0),
    CONSTRAINT loan_active_while_outstanding CHECK ((state = 'active') = (outstanding > 0)),
    CONSTRAINT loan_settled_on_a_day CHECK ((settled_on IS NOT NULL) = (outstanding = 0)),
    CONSTRAINT loan_early_mode_known CHECK (early_mode IN ('shorten', 'lower'))
) WITH (fillfactor = 80);
CREATE INDEX loan_of_holder ON sociaal_krediet.loan (holder_id);
CREATE INDEX loan_of_helper ON sociaal_krediet.loan (helper, number);

CREATE TABLE sociaal_krediet.gift (
    id uuid PRIMARY KEY,
    decision_id uuid NOT NULL UNIQUE,
    application_id uuid NOT NULL,
    holder_id text NOT NULL REFERENCES sociaal_krediet.person,
    amount bigint NOT NULL,
    given_on date NOT NULL,
    booked_on date,
    problem_code text,
    problem text,
    CONSTRAINT gift_of_decision FOREIGN KEY (decision_id, application_id, amount)
        REFERENCES sociaal_krediet.decision (id, application_id, amount),
    CONSTRAINT gift_amount_positive CHECK (amount > 0)
);

-- What happened to a loan: never changed, in whatever order it became known.
CREATE TABLE sociaal_krediet.fact (
    id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    kind text NOT NULL,
    effective_on date NOT NULL,
    effective_at timestamptz NOT NULL,
    amount bigint,
    months smallint,
    from_on date,
    mode text,
    receipt_id uuid REFERENCES sociaal_krediet.fact,
    source text NOT NULL,
    source_id text NOT NULL,
    reference text,
    reason text,
    recorded_by text NOT NULL,
    confirmed_by text,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT fact_once UNIQUE (source, source_id),
    CONSTRAINT fact_kind_known CHECK (kind IN (
        'receipt', 'bounce', 'reinstated', 'refunded', 'earlyMode', 'pause', 'reschedule', 'remission', 'writeOff')),
    CONSTRAINT fact_source_known CHECK (source IN ('person', 'bank', 'stripe', 'house')),
    CONSTRAINT fact_amount_positive CHECK (amount > 0),
    CONSTRAINT fact_amount_where_money CHECK (
        kind NOT IN ('receipt', 'bounce', 'reinstated', 'refunded', 'remission', 'writeOff') OR amount IS NOT NULL),
    CONSTRAINT fact_of_a_receipt CHECK ((kind IN ('bounce', 'reinstated', 'refunded')) = (receipt_id IS NOT NULL)),
    CONSTRAINT fact_mode_known CHECK (mode IN ('shorten', 'lower')),
    CONSTRAINT fact_months_positive CHECK (months > 0),
    -- SK-7: what is given up is given up by two people.
    CONSTRAINT fact_given_up_by_two CHECK (kind NOT IN ('remission', 'writeOff') OR confirmed_by IS NOT NULL),
    CONSTRAINT fact_confirmed_by_another CHECK (confirmed_by <> recorded_by)
);
CREATE INDEX fact_of_loan ON sociaal_krediet.fact (loan_id);

-- Every schedule that was ever in force.
CREATE TABLE sociaal_krediet.schedule_version (
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    version int NOT NULL,
    fact_id uuid REFERENCES sociaal_krediet.fact,
    made_on date NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (loan_id, version),
    CONSTRAINT version_counted CHECK (version > 0)
);
CREATE TABLE sociaal_krediet.schedule_line (
    loan_id uuid NOT NULL,
    version int NOT NULL,
    number smallint NOT NULL,
    due_on date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (loan_id, version, number),
    CONSTRAINT line_of_version FOREIGN KEY (loan_id, version) REFERENCES sociaal_krediet.schedule_version,
    CONSTRAINT line_amount_positive CHECK (amount > 0),
    CONSTRAINT line_numbered CHECK (number > 0)
);

-- The instalments in force that are not wholly paid: what arrears and debits are looked up in.
CREATE TABLE sociaal_krediet.open_instalment (
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    number smallint NOT NULL,
    due_on date NOT NULL,
    amount bigint NOT NULL,
    paid bigint NOT NULL,
    PRIMARY KEY (loan_id, number),
    CONSTRAINT open_instalment_is_open CHECK (paid >= 0 AND paid < amount)
);
CREATE INDEX open_instalment_due ON sociaal_krediet.open_instalment (due_on);

-- What the wallet was asked to post for a loan: the difference with the replay is what is asked next.
CREATE TABLE sociaal_krediet.booking (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    fact_id uuid REFERENCES sociaal_krediet.fact,
    kind text NOT NULL,
    amount bigint NOT NULL,
    repaid bigint NOT NULL,
    grant_key text NOT NULL UNIQUE,
    message_id uuid NOT NULL,
    booked_on date NOT NULL,
    CONSTRAINT booking_kind_known CHECK (kind IN (
        'receivable', 'repayment', 'bounce', 'overpayment', 'refund', 'refund-back', 'refund-failed', 'remission', 'write-off')),
    -- A receipt that becomes known late may leave less to remit: then part of a remission is taken back.
    CONSTRAINT booking_repaid_of_a_receipt CHECK (CASE kind
        WHEN 'repayment' THEN repaid = amount WHEN 'bounce' THEN repaid = -amount
        WHEN 'overpayment' THEN repaid BETWEEN -amount AND 0 ELSE repaid = 0 END),
    CONSTRAINT booking_amount_positive CHECK (amount > 0 OR (amount < 0 AND kind IN ('remission', 'write-off')))
);
CREATE INDEX booking_of_loan ON sociaal_krediet.booking (loan_id);

-- An act that a second person must carry out (SK-7, SK-9).
CREATE TABLE sociaal_krediet.proposal (
    id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    kind text NOT NULL,
    amount bigint,
    months smallint,
    from_on date,
    mode text,
    ground text,
    reason text NOT NULL,
    state text NOT NULL,
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    rejection text,
    CONSTRAINT proposal_kind_known CHECK (kind IN ('pause', 'reschedule', 'remission', 'writeOff')),
    CONSTRAINT proposal_state_known CHECK (state IN ('proposed', 'confirmed', 'rejected')),
    CONSTRAINT proposal_decided_whole CHECK (num_nonnulls(decided_by, decided_at) = CASE state WHEN 'proposed' THEN 0 ELSE 2 END),
    CONSTRAINT proposal_confirmed_by_another CHECK (state <> 'confirmed' OR decided_by <> proposed_by),
    CONSTRAINT proposal_rejected_for_a_reason CHECK ((state = 'rejected') = (rejection IS NOT NULL))
);
CREATE INDEX proposal_open ON sociaal_krediet.proposal (loan_id) WHERE state = 'proposed';

-- Work for a person, on a date (SK-10).
CREATE TABLE sociaal_krediet.task (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES sociaal_krediet.application,
    loan_id uuid REFERENCES sociaal_krediet.loan,
    kind text NOT NULL,
    role text NOT NULL,
    subject text,
    about text NOT NULL,
    due_on date NOT NULL,
    details text NOT NULL,
    state text NOT NULL,
    made_at timestamptz NOT NULL,
    done_by text,
    done_on date,
    done_at timestamptz,
    outcome text,
    CONSTRAINT task_once UNIQUE (application_id, kind, about),
    CONSTRAINT task_kind_known CHECK (kind IN (
        'arrearsHelper', 'arrearsOfficer', 'disbursementReturned', 'bounceAboveReceipt', 'refundFailed')),
    CONSTRAINT task_role_known CHECK (role IN ('helper', 'caseworker', 'finance-maker')),
    CONSTRAINT task_state_known CHECK (state IN ('open', 'done')),
    CONSTRAINT task_done_whole CHECK (num_nonnulls(done_by, done_on, done_at, outcome) = CASE state WHEN 'done' THEN 4 ELSE 0 END)
);
CREATE INDEX task_open ON sociaal_krediet.task (role, due_on) WHERE state = 'open';

-- A message to the borrower. It holds no words: they are made when it is read.
CREATE TABLE sociaal_krediet.notice (
    id uuid PRIMARY KEY,
    holder_id text NOT NULL REFERENCES sociaal_krediet.person,
    kind text NOT NULL,
    application_id uuid REFERENCES sociaal_krediet.application,
    loan_id uuid REFERENCES sociaal_krediet.loan,
    about text NOT NULL,
    made_on date NOT NULL,
    made_at timestamptz NOT NULL,
    read_at timestamptz,
    CONSTRAINT notice_once UNIQUE (kind, about),
    CONSTRAINT notice_kind_known CHECK (kind IN ('decision', 'arrears', 'settled', 'scheduleChanged'))
);
CREATE INDEX notice_of_holder ON sociaal_krediet.notice (holder_id, made_at);

-- Repaying through Stripe (SK-12). Stripe knows opaque ids only.
CREATE TABLE sociaal_krediet.mandate (
    id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    customer text,
    session text,
    payment_method text,
    mandate text,
    state text NOT NULL,
    active_on date,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT mandate_state_known CHECK (state IN ('asked', 'active', 'inactive')),
    CONSTRAINT mandate_active_whole CHECK (state <> 'active' OR num_nonnulls(customer, payment_method, active_on) = 3)
);
CREATE UNIQUE INDEX mandate_active_once ON sociaal_krediet.mandate (loan_id) WHERE state = 'active';

CREATE TABLE sociaal_krediet.payment (
    id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    method text NOT NULL,
    amount bigint NOT NULL,
    about text NOT NULL,
    session text,
    payment_intent text UNIQUE,
    state text NOT NULL,
    failure text,
    asked_by text NOT NULL,
    asked_on date NOT NULL,
    asked_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT payment_method_known CHECK (method IN ('sepa_debit', 'ideal')),
    CONSTRAINT payment_amount_positive CHECK (amount > 0),
    CONSTRAINT payment_state_known CHECK (state IN ('pending', 'processing', 'succeeded', 'failed', 'cancelled', 'bounced')),
    CONSTRAINT payment_debit_once UNIQUE (loan_id, method, about)
);
CREATE INDEX payment_of_loan ON sociaal_krediet.payment (loan_id);

CREATE TABLE sociaal_krediet.refund (
    id uuid PRIMARY KEY,
    loan_id uuid NOT NULL REFERENCES sociaal_krediet.loan,
    payment_id uuid NOT NULL REFERENCES sociaal_krediet.payment,
    fact_id uuid NOT NULL UNIQUE REFERENCES sociaal_krediet.fact,
    amount bigint NOT NULL,
    stripe_refund text UNIQUE,
    state text NOT NULL,
    failure text,
    asked_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT refund_amount_positive CHECK (amount > 0),
    CONSTRAINT refund_state_known CHECK (state IN ('asked', 'succeeded', 'failed'))
);

-- The inbox of what Stripe tells: the few fields that are used, once per event.
CREATE TABLE sociaal_krediet.stripe_event (
    id text PRIMARY KEY,
    kind text NOT NULL,
    created_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    state text NOT NULL,
    payment_id uuid REFERENCES sociaal_krediet.payment,
    problem text,
    received_at timestamptz NOT NULL,
    handled_at timestamptz,
    CONSTRAINT stripe_event_state_known CHECK (state IN ('received', 'handled', 'ignored'))
);
CREATE INDEX stripe_event_waiting ON sociaal_krediet.stripe_event (received_at) WHERE state = 'received';
CREATE INDEX stripe_event_of_payment ON sociaal_krediet.stripe_event (payment_id) WHERE payment_id IS NOT NULL;

-- What was asked, decided and seen stays as it was; what follows is a new row.
CREATE FUNCTION sociaal_krediet.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: its rows are never changed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['decision', 'fact', 'schedule_version', 'schedule_line', 'booking', 'household_member',
                                   'document'] LOOP
        EXECUTE format('CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON sociaal_krediet.%I'
                       ' FOR EACH ROW EXECUTE FUNCTION sociaal_krediet.refuse_change()', v_table);
        EXECUTE format('ALTER TABLE sociaal_krediet.%I ENABLE ALWAYS TRIGGER stays', v_table);
        EXECUTE format('CREATE TRIGGER is_never_emptied BEFORE TRUNCATE ON sociaal_krediet.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION sociaal_krediet.refuse_change()', v_table);
        EXECUTE format('ALTER TABLE sociaal_krediet.%I ENABLE ALWAYS TRIGGER is_never_emptied', v_table);
    END LOOP;
END $$;

-- SK-1 once more, whatever the code did: the outstanding loans of all members and this loan or gift stay below the cap
-- that the decision names. Every member's row is locked first, so that two decisions at once see one another.
CREATE FUNCTION sociaal_krediet.guard_cap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_outstanding bigint;
BEGIN
    IF NEW.outcome = 'refused' THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM sociaal_krediet.person p
      JOIN sociaal_krediet.household_member m ON m.holder_id = p.holder_id AND m.application_id = NEW.application_id
     ORDER BY p.holder_id FOR UPDATE OF p;
    SELECT coalesce(sum(l.outstanding), 0) INTO v_outstanding
      FROM sociaal_krediet.loan l
      JOIN sociaal_krediet.household_member m ON m.holder_id = l.holder_id AND m.application_id = NEW.application_id;
    IF v_outstanding + NEW.amount > NEW.cap THEN
        RAISE EXCEPTION 'decision % goes over the cap of its household', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER below_cap BEFORE INSERT ON sociaal_krediet.decision
    FOR EACH ROW EXECUTE FUNCTION sociaal_krediet.guard_cap();
ALTER TABLE sociaal_krediet.decision ENABLE ALWAYS TRIGGER below_cap;
