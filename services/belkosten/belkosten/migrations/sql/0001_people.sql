-- Who takes part in what, and what they are credited. Amounts in cents; months are their first day.

CREATE SCHEMA belkosten;

-- On what ground somebody may take part. The four of the rules are there from the beginning; a municipality adds its own.
CREATE TABLE belkosten.ground (
    code text PRIMARY KEY,
    name text NOT NULL,
    proves_itself boolean NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    source text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    CONSTRAINT ground_code_shaped CHECK (code ~ '^[a-z][a-z0-9-]{0,39}$'),
    CONSTRAINT ground_period CHECK (valid_until >= valid_from)
);
INSERT INTO belkosten.ground (code, name, proves_itself, valid_from, source, added_by, added_at) VALUES
    ('bijstand', 'Bijstandsuitkering', false, '2021-01-01', 'Memo belkosten 2021', 'rules', now()),
    ('schulddienstverlening', 'Schulddienstverlening', false, '2021-01-01', 'Memo belkosten 2021', 'rules', now()),
    ('gemeentepolis', 'Gemeentepolis zorgverzekering', false, '2021-01-01', 'Memo belkosten 2021', 'rules', now()),
    ('minimapas', 'Pas voor minima: geen verdere selectie', true, '2021-01-01', 'Memo belkosten 2021', 'rules', now());

CREATE SEQUENCE belkosten.participant_number START 500001;

-- The row is the lock under which the participations of one person are changed.
CREATE TABLE belkosten.participant (
    number text PRIMARY KEY DEFAULT nextval('belkosten.participant_number')::text,
    holder_id text NOT NULL UNIQUE,
    neighbourhood text,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT participant_number_shaped CHECK (number ~ '^[0-9]{6,9}$')
);

-- One product from a day until a day (included). Somebody who registers themselves waits until a caseworker checked the
-- ground, and that is never the person themselves. `due_on` is the next day on which a credit or a month of a SIM card is
-- due, unless it has ended by then; it is NULL where nothing will be. `moved_from` is what a move put an end to.
CREATE TABLE belkosten.participation (
    id uuid PRIMARY KEY,
    participant_number text NOT NULL REFERENCES belkosten.participant,
    product text NOT NULL,
    ground text NOT NULL REFERENCES belkosten.ground,
    provider text,
    starts_on date NOT NULL,
    ends_on date,
    state text NOT NULL,
    registered_by text NOT NULL,
    by_person boolean NOT NULL,
    registered_on date NOT NULL,
    registered_at timestamptz NOT NULL,
    checked_by text,
    checked_on date,
    reason text,
    returned boolean NOT NULL,
    due_on date,
    moved_from uuid REFERENCES belkosten.participation,
    CONSTRAINT participation_product_known CHECK (product IN ('belapp', 'toestel', 'sim-only', 'prepaid')),
    CONSTRAINT participation_state_known CHECK (state IN ('requested', 'confirmed', 'rejected', 'withdrawn')),
    CONSTRAINT participation_checked CHECK (state = 'withdrawn' OR (state = 'requested') = (checked_by IS NULL)),
    CONSTRAINT participation_checked_by_another CHECK (NOT by_person OR checked_by <> registered_by),
    CONSTRAINT participation_rejected_with_reason CHECK (state <> 'rejected' OR reason IS NOT NULL),
    CONSTRAINT participation_due_when_confirmed CHECK (due_on IS NULL OR state = 'confirmed'),
    CONSTRAINT participation_period CHECK (ends_on >= starts_on)
);
CREATE INDEX participation_of_participant ON belkosten.participation (participant_number, starts_on);
CREATE INDEX participation_requested ON belkosten.participation (id) WHERE state = 'requested';
CREATE INDEX participation_running ON belkosten.participation (product, id) WHERE state = 'confirmed';
CREATE INDEX participation_due ON belkosten.participation (product, due_on) WHERE due_on IS NOT NULL;
CREATE INDEX participation_to_return ON belkosten.participation (ends_on) WHERE NOT returned AND ends_on IS NOT NULL;

-- One product at one time, whatever the code did.
CREATE FUNCTION belkosten.guard_one_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM belkosten.participant WHERE number = NEW.participant_number FOR UPDATE;
    IF NEW.state IN ('requested', 'confirmed') AND EXISTS (
        SELECT FROM belkosten.participation p
         WHERE p.participant_number = NEW.participant_number AND p.id <> NEW.id AND p.state IN ('requested', 'confirmed')
           AND daterange(p.starts_on, p.ends_on, '[]') && daterange(NEW.starts_on, NEW.ends_on, '[]')) THEN
        RAISE EXCEPTION 'participant % has another product in that time', NEW.participant_number
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'one_product_at_one_time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER one_product BEFORE INSERT OR UPDATE OF participant_number, starts_on, ends_on, state ON belkosten.participation
    FOR EACH ROW EXECUTE FUNCTION belkosten.guard_one_product();
ALTER TABLE belkosten.participation ENABLE ALWAYS TRIGGER one_product;

-- What a month gave: up to the ceiling, so an amount of 0 where nothing was used. Once for each participant and month.
CREATE TABLE belkosten.credit (
    participant_number text NOT NULL REFERENCES belkosten.participant,
    month date NOT NULL,
    participation_id uuid NOT NULL REFERENCES belkosten.participation,
    amount bigint NOT NULL,
    ceiling bigint NOT NULL,
    balance_before bigint NOT NULL,
    credited_on date NOT NULL,
    message_id uuid,
    booked_on date,
    PRIMARY KEY (participant_number, month),
    CONSTRAINT credit_month_is_first_day CHECK (extract(day FROM month) = 1),
    CONSTRAINT credit_up_to_ceiling CHECK (amount = greatest(0, ceiling - balance_before))
);
CREATE INDEX credit_of_month ON belkosten.credit (month);
CREATE INDEX credit_under_way ON belkosten.credit (participant_number) WHERE booked_on IS NULL;
CREATE INDEX credit_of_message ON belkosten.credit (message_id) WHERE message_id IS NOT NULL;

-- What went back to the fund after a product ended.
CREATE TABLE belkosten.credit_return (
    participation_id uuid NOT NULL REFERENCES belkosten.participation,
    nth smallint NOT NULL,
    amount bigint,
    message_id uuid NOT NULL,
    asked_on date NOT NULL,
    booked_on date,
    PRIMARY KEY (participation_id, nth),
    CONSTRAINT credit_return_not_negative CHECK (amount >= 0)
);

-- Months of a SIM card: every calendar month that is touched, once for each participant and month.
CREATE TABLE belkosten.sim_month (
    participant_number text NOT NULL REFERENCES belkosten.participant,
    month date NOT NULL,
    participation_id uuid NOT NULL REFERENCES belkosten.participation,
    provider text,
    fee bigint NOT NULL,
    charged_on date NOT NULL,
    message_id uuid,
    booked_on date,
    PRIMARY KEY (participant_number, month),
    CONSTRAINT sim_month_is_first_day CHECK (extract(day FROM month) = 1),
    CONSTRAINT sim_month_fee_positive CHECK (fee > 0)
);
CREATE INDEX sim_month_waiting ON belkosten.sim_month (month) WHERE message_id IS NULL;
CREATE INDEX sim_month_of_message ON belkosten.sim_month (message_id) WHERE message_id IS NOT NULL;

-- Who is paid: a provider of calls or SIM cards, or a seller of call credit. The IBAN is in the wallet, under the payee.
CREATE TABLE belkosten.provider (
    organisation text PRIMARY KEY,
    name text NOT NULL,
    offers text[] NOT NULL,
    payee_id uuid NOT NULL UNIQUE,
    iban_id uuid NOT NULL,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT provider_offers_known CHECK (offers <@ ARRAY['calls', 'sim', 'credit'] AND cardinality(offers) > 0)
);

-- Call credit bought with the purse, once for each seller and purchase. It is written down before the wallet is asked, so
-- that whatever stops in between is taken up where it was. `available` is what there was when there was too little.
CREATE TABLE belkosten.purchase (
    id uuid PRIMARY KEY,
    seller text NOT NULL REFERENCES belkosten.provider,
    purchase_id text NOT NULL,
    participant_number text NOT NULL REFERENCES belkosten.participant,
    amount bigint NOT NULL,
    state text NOT NULL,
    transfer_id text,
    problem_code text,
    available bigint,
    bought_on date NOT NULL,
    bought_at timestamptz NOT NULL,
    CONSTRAINT purchase_once UNIQUE (seller, purchase_id),
    CONSTRAINT purchase_amount_positive CHECK (amount > 0),
    CONSTRAINT purchase_state_known CHECK (state IN ('asked', 'booked', 'refused')),
    CONSTRAINT purchase_booked_with_transfer CHECK ((state = 'booked') = (transfer_id IS NOT NULL)),
    CONSTRAINT purchase_refused_with_code CHECK ((state = 'refused') = (problem_code IS NOT NULL))
);
CREATE INDEX purchase_of_participant ON belkosten.purchase (participant_number, id);
CREATE INDEX purchase_asked ON belkosten.purchase (bought_at) WHERE state = 'asked';

-- Where a telephone stands that may be used free of charge, and when one can come in.
CREATE TABLE belkosten.phone_place (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    address text NOT NULL,
    neighbourhood text,
    closed_room boolean NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT phone_place_period CHECK (valid_until >= valid_from)
);
CREATE TABLE belkosten.opening_hours (
    place_id uuid NOT NULL REFERENCES belkosten.phone_place,
    weekday smallint NOT NULL,
    opens time NOT NULL,
    closes time NOT NULL,
    PRIMARY KEY (place_id, weekday, opens),
    CONSTRAINT opening_hours_weekday CHECK (weekday BETWEEN 1 AND 7),
    CONSTRAINT opening_hours_in_order CHECK (opens < closes)
);

CREATE TABLE belkosten.notice (
    id uuid PRIMARY KEY,
    holder_id text NOT NULL,
    kind text NOT NULL,
    participation_id uuid NOT NULL REFERENCES belkosten.participation,
    about text NOT NULL,
    made_on date NOT NULL,
    made_at timestamptz NOT NULL,
    object_until date,
    read_at timestamptz,
    CONSTRAINT notice_once UNIQUE (kind, about)
);
CREATE INDEX notice_of_holder ON belkosten.notice (holder_id, id);
