-- What several models compute in the same way: scalar macros for one value, table
-- macros for a query. They are created before the models, in the order of this file,
-- and are used by their plain name.

-- The linter cannot indent the body of a macro, and takes a parameter for a column.
-- noqa: disable=LT02,RF02

-- Texts ------------------------------------------------------------------------------

-- A status as P4 Books spells it (PartiallyPaid, PARTIALLY_PAID), reduced to letters:
-- partiallypaid. Null if there is no status.
create macro status_word(status) as
    regexp_replace(lower(status), '[^a-z]', '', 'g');

-- A text as a person sees it: in one Unicode form, without invisible characters, each
-- white space as one blank, none at its ends.
create macro visible_text(text) as
    trim(regexp_replace(
        regexp_replace(
            nfc_normalize(text),
            '[\x00-\x08\x0e-\x1b\x{7f}-\x{84}\x{86}-\x{9f}\p{Cf}\x{34f}\x{115f}'
            || '\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{3164}\x{fe00}-\x{fe0f}'
            || '\x{ffa0}\x{e0100}-\x{e01ef}]',
            '',
            'g'
        ),
        '[\s\x{b}\x1c-\x1f\x{85}\p{Z}]+',
        ' ',
        'g'
    ));

-- A name or code that people type, as it is compared: in capitals, as a person sees
-- it, 1.0 as 1. It is the rule of p4books.spelling, except that SQL cannot fold letters
-- of compatibility such as full-width ones; most codes are plain, and are not looked at
-- twice.
create macro code_key(code) as
    case
        when regexp_full_match(code, '[!-\-/-~]*') then upper(code)
        else regexp_replace(upper(visible_text(code)), '^([+-]?[0-9]+)\.0+$', '\1')
    end;

-- The one text of an id, or of a reference to it, however it is written: 1.0 is 1, and
-- a UUID is in lower case. Null if it is blank. It is the rule of p4books.spelling,
-- too; most ids are plain.
create macro id_text(id) as
    case
        when regexp_full_match(id, '[0-9a-z-]+') then id
        when
            regexp_full_match(
                id, ' *[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12} *'
            )
            then lower(trim(id))
        else
            nullif(
                regexp_replace(visible_text(id), '^([+-]?[0-9]+)\.0+$', '\1'), ''
            )
    end;

-- A text that says something, else null.
create macro text_or_null(text) as
    if(trim(text) = '', null, text);

-- The currency of a document or party; the tenant's own if P4 Books names none.
create macro currency_or(currency, tenant_currency) as
    coalesce(nullif(upper(trim(currency)), ''), tenant_currency);

-- The name of a party or product of which P4 Books has no record.
create macro unknown_name(entity_id) as
    if(entity_id = '(none)', '(none)', format('(unknown {})', entity_id));

-- Neither deleted nor given a status other than active; one without letters is none.
create macro is_active_record(is_deleted, status) as
    not is_deleted and coalesce(nullif(status_word(status), ''), 'active') = 'active';

-- Payment terms without the numbers that are not days to pay in, in lower case and
-- without accents. Left out are a discount for early payment (`2/10` of `2/10 net 30`,
-- `2% a 10 días`), days of grace, days of a month (`pago día 5`) and decimals.
create macro terms_text(payment_terms) as
    regexp_replace(
        regexp_replace(
            lower(strip_accents(payment_terms)),
            '\b1?\d(?:[.,]\d+)?\s*/\s*\d{1,2}(?:\s*(?:dias?|days?|d)\b)?'
            || '(?:[\s,;.-]+(?:n|net|netos?)?|(?:n|net|netos?))'
            || '\s*[/:.-]?\s*(?:a|en|in|within)?\s*(\d+)',
            ' net \1',
            'g'
        ),
        '\b\d+(?:[.,]\d+)?\s*%'
        || '(?:(?:\s|/|@|-|\b(?:a|en|in|within|if paid|si paga|dto|desc'
        || '|descuento|discount|por pago|pronto pago)\b)*'
        || '\d+\s*(?:dias?|days?|d)?\b)?'
        || '|\b\d+\s*(?:dias?|days?)?\s*(?:de |of )?(?:gracia|grace)\b'
        || '|\b(?:dia|day|el|on)\s+(?:the\s+)?\d+\b'
        || '|\b\d+(?:st|nd|rd|th)\b'
        || '|\b\d+\s+(?:de|del|of)\s+'
        || '(?:cada|mes|prox\w*|siguiente|each|every|the|next)\b'
        || '|\b\d+(?:\.\d+)+\b'
        || '|\bcash discount\b'
        || '|\bdescuento (?:por|de|al) \w+',
        ' ',
        'g'
    );

-- The one number of a list of texts, times so many days; null if there are several.
create macro one_number(numbers, days) as
    case
        when len(list_distinct(numbers)) = 1 and len(numbers[1]) <= 3
            then numbers[1]::integer * days
    end;

-- Days to pay in, of terms as terms_text returns them: the number after `net`, else the
-- one before `days` or `weeks`, else the only number.
create macro days_in_terms(terms) as
    case
        -- instalments, and what has no fixed number of days
        when
            regexp_matches(
                terms,
                '(?:^|\D)\d{1,3}\s*(?:dias?|days?|d)?'
                || '\s*(?:[-–/,;+&]|\b(?:y|e|o|a|and|or|to)\b)\s*\d'
                || '|\d\s*(?:mes|meses|months?|anos?|years?|quincenas?)\b'
                || '|\d\s*(?:dias|days)?\s*(?:habiles|laborables|business|working)\b'
            )
            then null
        when regexp_matches(terms, '\b(?:n|net|netos?)\s*[/:.-]?\s*(?:\w+ ){0,2}\d')
            then one_number(
                regexp_extract_all(
                    terms, '\b(?:n|net|netos?)\s*[/:.-]?\s*(?:\w+ ){0,2}0*(\d+)', 1
                ),
                1
            )
        when regexp_matches(terms, '\d\s*(?:dias?|days?|d)\b')
            then one_number(
                regexp_extract_all(terms, '0*(\d+)\s*(?:dias?|days?|d)\b', 1), 1
            )
        when regexp_matches(terms, '\d\s*(?:semanas?|weeks?)\b')
            then one_number(
                regexp_extract_all(terms, '0*(\d+)\s*(?:semanas?|weeks?)\b', 1), 7
            )
        when regexp_matches(terms, '\b(?:eom|mfi|prox\w*|fin de mes|end of month)\b')
            then null
        when regexp_matches(terms, '\d')
            then one_number(regexp_extract_all(terms, '0*(\d+)', 1), 1)
        when
            regexp_matches(
                terms,
                '\b(?:contado|cash|efectivo|cod|c\.o\.d|cia|immediate|inmediato'
                || '|anticipad[oa]|prepago|prepaid|prepayment|in advance'
                || '|contra ?entrega|(?:on|upon) (?:receipt|delivery)|a la vista)\b'
            )
            and not regexp_matches(terms, '\bcredito?\b')
            then 0
    end;

-- Days to pay in: 30 for `Net 30`, `2/10 net 30` or `30 días fecha factura`, 0 for
-- cash. Null if the terms name no fixed number of days (`EOM`), several (`30-60-90`),
-- or a payment in parts (`50% anticipado, 50% a 30 días`).
create macro terms_days(payment_terms) as
    case
        when not regexp_matches(payment_terms, '\b[2-9]\d\s*%')
            then list_transform(  -- computes terms_text once
                [terms_text(payment_terms)], lambda terms: days_in_terms(terms)
            )[1]
    end;

-- Days -------------------------------------------------------------------------------

-- The day of an instant in the tenant's time zone.
create macro local_day(instant, zone) as
    timezone(zone, instant)::date;

-- The last microsecond of a day in a time zone, also of one with 25 or 23 hours. A day
-- that a zone skipped ends with the day before it. Midnight is computed with the offset
-- before it and with the one after it; the later one that divides the days counts.
create macro end_of_day(day, zone) as
    list_max(
        list_filter(
            list_transform(
                [day + interval 9 hours, day + interval 37 hours],
                lambda near: timezone(
                    'UTC', (day + 1) + (near - timezone(zone, timezone('UTC', near)))
                )
            ),
            lambda midnight:
            local_day(midnight, zone) > day
            and local_day(midnight - interval 1 microsecond, zone) <= day
        )
    ) - interval 1 microsecond;

create macro month_of(day) as
    date_trunc('month', day)::date;

-- The day on which the ITBMS of a month is due: the 15th of the next one. Null in 9999,
-- since many tools cannot represent a date in the year 10000.
create macro itbms_due(month_on) as
    case
        when month_on < date '9999-12-01'
            then (month_on + interval 1 month + interval 14 days)::date
    end;

-- The holiday of each of `days`, which have day_on, and whether it is a business day.
-- `rules` is raw.holidays.
create macro business_days(days, rules) as table
    with

    -- Easter by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms,
    -- ch. 8).
    years as (
        select
            year(day_on) as year_number,
            year(day_on) % 19 as a,
            year(day_on) // 100 as b,
            year(day_on) % 100 as c
        from query_table(days)
        group by year(day_on)
    ),

    epacts as (
        select
            *,
            (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30 as h
        from years
    ),

    weekdays as (
        select
            *,
            (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7 as w
        from epacts
    ),

    fulls as (
        select
            *,
            (a + 11 * h + 22 * w) // 451 as m
        from weekdays
    ),

    easters as (
        select
            year_number,
            make_date(
                year_number,
                (h + w - 7 * m + 114) // 31,
                (h + w - 7 * m + 114) % 31 + 1
            ) as easter_on
        from fulls
    ),

    holidays as (
        select
            coalesce(
                easters.easter_on + rules.days_after_easter,
                try_cast(
                    format(
                        '{}-{:02d}-{:02d}', easters.year_number, rules.month, rules.day
                    )
                    as date
                )
            ) as day_on,
            min(rules.holiday) as holiday
        from easters
        cross join query_table(rules) as rules
        where
            easters.year_number >= coalesce(rules.first_year, 0)
            and easters.year_number <= coalesce(rules.last_year, 9999)
        group by all
    ),

    free_days as (
        -- If a holiday is a Sunday, the Monday is free (Código de Trabajo, 47).
        select
            day_on,
            holiday
        from holidays
        union all
        select
            sundays.day_on + 1 as day_on,
            sundays.holiday
        from holidays as sundays
        anti join holidays as mondays on sundays.day_on + 1 = mondays.day_on
        where isodow(sundays.day_on) = 7
    )

    select
        given.day_on,
        free_days.holiday,
        isodow(given.day_on) <= 5 and free_days.day_on is null as is_business_day
    from query_table(days) as given
    left join free_days on given.day_on = free_days.day_on;

-- The first day that is taken for the day of a document, rather than for a mistake.
create macro first_plausible_day() as
    date '1990-01-01';

-- Whether a live invoice shows that its customer bought, and when. A credit note does
-- not, and a mistyped day must not make a customer old or active.
create macro is_dated_sale(is_credit_note, document_on, as_of_on) as
    not is_credit_note
    and document_on between first_plausible_day() and as_of_on;

-- The Monday of the week of a day; a day that is missing or over counts as today.
create macro week_from(day, today_on) as
    date_trunc('week', greatest(day, today_on))::date;

-- Amounts, null if a figure has more digits than its column holds ---------------------

create macro as_money(amount) as
    try_cast(amount as decimal(18, 2));

create macro as_measure(amount) as
    try_cast(amount as decimal(18, 6));

create macro as_share(share) as
    try_cast(share as decimal(9, 6));

-- The share that a part is of a whole: from 0 to 1. Null if the part is no part of it,
-- as with amounts of which some are negative.
create macro share_of(part, whole) as
    case
        when whole > 0 and part >= 0 and part <= whole then as_share(part / whole)
    end;

-- A ratio that may be negative, such as a margin of net; null if it exceeds 1.
create macro signed_share(share) as
    case when share <= 1 then as_share(share) end;

-- How many days of sales an amount is, given the sales of 90 days; null without sales.
create macro days_of_sales(amount, sales) as
    case when sales > 0 then try_cast(amount / sales * 90 as decimal(18, 2)) end;

-- Texts that should be numbers; DuckDB alone would take 1_000 for 1000, and 1.5 for the
-- whole number 2.
create macro text_as_money(text) as
    case when not contains(text, '_') then try_cast(text as decimal(18, 2)) end;

create macro text_as_measure(text) as
    case when not contains(text, '_') then try_cast(text as decimal(18, 6)) end;

create macro text_as_count(text) as
    case
        when try_cast(text as bigint) = try_cast(text as double)
            then try_cast(text as bigint)
    end;

-- The sum of those amounts of a group for which a condition holds: 0 if there are none,
-- null if one of them is unknown. The condition is never null.
create macro sum_if(amount, is_counted) as
    case
        when count(*) filter (where is_counted and amount is null) = 0
            then as_money(sum(if(is_counted, amount, 0)))
    end;

-- Sum and difference of two amounts of money, which may need one more digit.
create macro money_plus(amount, other) as
    try_cast(amount::decimal(19, 2) + other as decimal(18, 2));

create macro money_minus(amount, other) as
    try_cast(amount::decimal(19, 2) - other as decimal(18, 2));

-- Quantity times unit price. Two decimals of 18 digits are multiplied in 18, which is
-- too few for 1,000 x 1,000.00.
create macro in_full(quantity, unit_price) as
    quantity::decimal(19, 6) * unit_price;

-- An amount with up to twelve decimals, as money. Below a million it fits in 18 digits,
-- which are rounded a hundred times as fast as 38.
create macro full_as_money(amount) as
    case
        when abs(amount) < 1000000 then amount::decimal(18, 12)::decimal(18, 2)
        else as_money(amount)
    end;

-- The tax on a net; in 18 digits, too, if it has no more with a rate below 1,000.
create macro tax_at_rate(net, rate) as
    case
        when abs(net) < 10000000 then as_money(net * rate)
        else as_money(net::decimal(19, 2) * rate)
    end;

-- The net of a line without a subtotal; its discount is taken as an amount.
create macro line_amount(quantity, unit_price, discount) as
    full_as_money(in_full(quantity, unit_price) - coalesce(discount, 0));

-- The net of a line of an order: its subtotal, else what it comes to, else 0.
create macro order_line_net(subtotal, quantity, unit_price, discount) as
    coalesce(subtotal, line_amount(quantity, unit_price, discount), 0);

-- Headers: what is missing is computed from what is there ----------------------------

-- The net of a document: its subtotal, else total less tax, else the sum of its lines,
-- else the total.
create macro header_net(subtotal, tax, total, lines_net) as
    coalesce(
        subtotal,
        try_cast(total::decimal(19, 2) - tax as decimal(18, 2)),
        lines_net,
        total,
        0
    );

create macro header_tax(tax, total, net) as
    coalesce(tax, try_cast(total::decimal(19, 2) - net as decimal(18, 2)), 0);

create macro header_total(total, net, tax) as
    coalesce(total, try_cast(net::decimal(19, 2) + tax as decimal(18, 2)), 0);

-- Lines inside a document -------------------------------------------------------------

-- The lines of a document, from the JSON text in which P4 Books sent them.
create macro document_lines(lines) as
    from_json(
        lines,
        '[{
            "line_number": "VARCHAR",
            "product_id": "VARCHAR",
            "description": "VARCHAR",
            "tax_code": "VARCHAR",
            "quantity": "VARCHAR",
            "price": "VARCHAR",
            "discount": "VARCHAR",
            "subtotal": "VARCHAR"
        }]'
    );

-- The sum of the lines' nets, from the same text.
create macro lines_net(lines) as
    as_money(
        list_sum(
            list_transform(
                document_lines(lines),
                lambda line: coalesce(
                    text_as_money(line.subtotal),
                    line_amount(
                        text_as_measure(line.quantity),
                        text_as_measure(line.price),
                        text_as_measure(line.discount)
                    )
                )
            )
        )
    );

-- One row per line of `documents`, which have document_id and lines. Lines keep their
-- own numbers if each line of a document has one, else they are numbered from 1. What
-- is no line (null) only takes its place.
create macro lines_of(documents) as table
    with

    parsed as (
        select
            document_id,
            document_lines(lines) as items
        from query_table(documents)
    ),

    -- A step of its own: beside `unnest`, it would be computed again for each line.
    numbered as (
        select
            *,
            list_unique(
                list_transform(items, lambda each: text_as_count(each.line_number))
            ) = list_count(items) as has_own_numbers
        from parsed
    ),

    items as (
        select
            document_id,
            has_own_numbers,
            unnest(items) as item,
            generate_subscripts(items, 1) as place
        from numbered
    )

    select
        document_id,
        if(has_own_numbers, text_as_count(item.line_number), place) as line_number,
        id_text(item.product_id) as product_id,

        item.description as line_description,
        item.tax_code,

        text_as_measure(item.quantity) as quantity,
        text_as_measure(item.price) as unit_price,
        text_as_measure(item.discount) as discount,
        text_as_money(item.subtotal) as line_net
    from items
    where item is not null;

-- The number of a line that precedes those of its document: 0, or below if they begin
-- at 0. The first number is null if there are none.
create macro number_before(first_number) as
    greatest(least(coalesce(first_number, 1), 1), -1000000000000000000) - 1;

-- What the header of a document has beyond the sum of its lines, as a line of its own:
-- from `headers` with document_id and net, and `lines` with document_id, line_number
-- and line_net.
create macro beyond_lines(headers, lines) as table
    with

    sums as (
        select
            document_id,
            min(line_number) as first_number,
            sum(line_net) as net
        from query_table(lines)
        group by document_id
    )

    select
        headers.document_id,
        number_before(sums.first_number) as line_number,
        headers.net - coalesce(sums.net, 0) as line_net
    from query_table(headers) as headers
    left join sums on headers.document_id = sums.document_id
    where headers.net <> coalesce(sums.net, 0);

-- Tax ids ----------------------------------------------------------------------------

-- The check digit of a number of up to 21 digits, modulus 11: 11 minus the remainder
-- of the sum of its digits times their weights, else 0.
create macro check_digit(number, weights) as
    ('00987654321')[
        list_inner_product(
            string_split(lpad(number, 21, '0'), '')::double[], weights
        )::integer % 11 + 1
    ];

-- Both check digits: the second one is that of the number with the first one.
create macro check_digits(number, weights) as
    check_digit(number, weights)
    || check_digit(number || check_digit(number, weights), weights);

-- The digits that stand for the letters of a tax id, and those if its volume has four
-- digits.
create macro letter_code(letters) as
    case letters
        when 'E' then '50' when 'N' then '40' when 'PE' then '75'
        when 'AV' then '15' when 'PI' then '79'
    end;
create macro long_volume_code(letters) as
    case letters
        when 'E' then '66' when 'N' then '92' when 'PE' then '82'
        else '9595'
    end;

-- The rows of `parties`, which have tax_id, whose RUC has another DV than the one given
-- with it, with `ruc`, `given_dv` and `expected_dv`. The DV is what follows the letters
-- DV in any spelling (`dv: 7`, `D.V. 07`). An id without one, or of a kind that is not
-- known here, is not in the result. The rules are those of the DGI ("Cálculo del dígito
-- verificador del RUC") as two independent programs have them; no law was consulted. If
-- a tax number (NT) is that of a person or of a company cannot be seen: both DVs are
-- accepted.
create macro wrong_check_digits(parties) as table
    with

    spelled as (
        select
            *,
            regexp_replace(upper(visible_text(tax_id)), '\p{Pd}', '-', 'g') as spelling
        from query_table(parties)
        where regexp_matches(tax_id, '[dD][. ]*[vV]')
    ),

    divided as (
        select
            *,
            regexp_extract(
                spelling,
                '^(?:R\.?U\.?C\b\.?\W*)?(.*?)'
                || '\W*D\.?\s*V\.?\W*([0-9]{1,2})\W*$',
                ['ruc', 'dv']
            ) as parts
        from spelled
    ),

    -- head: a province, or the volume or number of a company
    parsed as (
        select
            * exclude (spelling, parts),
            replace(parts.ruc, ' ', '') as ruc,
            lpad(parts.dv, 2, '0') as given_dv,
            regexp_extract(
                replace(parts.ruc, ' ', ''),
                '^([0-9]{0,9})-?(E|N|PE|AV|PI|NT)?-([0-9]{1,4})-([0-9]{1,6})$',
                ['head', 'letters', 'volume', 'entry']
            ) as id
        from divided
        where parts.dv <> ''
    ),

    kinds as (
        select
            *,
            try_cast(id.head as integer) as head,
            try_cast(id.volume as integer) as volume,
            try_cast(id.entry as integer) as entry,
            id.letters = '' and length(id.head) >= 3 as is_company,
            coalesce(try_cast(id.head as integer) <= 13, false)
            and length(id.head) <= 2 as has_province
        from parsed
    ),

    numbered as (
        select
            *,
            case
                when is_company
                    then lpad(id.head, 10, '0')
                    || lpad(id.volume, 4, '0') || lpad(id.entry, 6, '0')
                when id.letters = '' and has_province and entry < 100000
                    then printf('5%02d00%03d%05d', head, volume, entry)
                when
                    id.letters in ('E', 'N') and id.head = ''
                    or id.letters = 'PE' and id.head = '' and entry < 100000
                    then
                        case
                            when volume < 1000
                                then '500' || letter_code(id.letters)
                            when entry >= 100000
                                then '5' || long_volume_code(id.letters)
                                || letter_code(id.letters)
                            else
                                '5' || long_volume_code(id.letters)
                                || rtrim(letter_code(id.letters), '0')
                        end
                        || printf('%03d%05d', volume, entry)
                when id.letters in ('AV', 'PI') and has_province and entry < 100000
                    then
                        if(
                            volume < 1000,
                            printf('5%02d', head) || letter_code(id.letters),
                            '5' || long_volume_code(id.letters)
                        )
                        || printf('%03d%05d', volume, entry)
                when id.letters = 'NT' and has_province and volume < 1000
                    then printf('5%02d43%03d%05d', head, volume, entry)
            end as number
        from kinds
    ),

    -- Old companies: volumes of the Public Registry from before its numbers were long.
    aged as (
        select
            *,
            is_company and substr(number, 4, 2) = '00' and substr(number, 6, 1) < '5'
                as is_old
        from numbered
        where number is not null
    ),

    weighted as (
        select
            *,
            if(
                is_old and substr(number, 6, 1) >= '1',
                substr(number, 1, 5) || '0'
                || substr(
                    '1234567891234789234567891234567891234567',
                    substr(number, 6, 2)::integer - 9,
                    1
                )
                || substr(number, 8),
                number
            ) as referenced,
            list_reverse(
                if(is_old, range(2, 12) || range(11, 22), range(2, 23))
            )::double[] as weights
        from aged
    ),

    computed as (
        select
            *,
            check_digits(referenced, weights)
            || if(
                id.letters = 'NT',
                ' or ' || check_digits(substr(referenced, 2), weights),
                ''
            ) as expected_dv
        from weighted
    )

    select
        * exclude (
            id, head, volume, entry, number, referenced, weights,
            is_company, has_province, is_old
        )
    from computed
    where not contains(expected_dv, given_dv);

-- Invoices ---------------------------------------------------------------------------

-- One row per line of `documents`, plus a line 0 if the net of a document differs from
-- their sum: its net and its tax. The documents have invoice_id, document_on,
-- invoice_subtotal and invoice_tax, all but the last two of their columns are in the
-- result. `lines` has the columns of staging.invoice_lines, `rates` is
-- staging.tax_rates.
create macro taxed_lines(documents, lines, rates) as table
    with

    multiplied as (
        select
            *,
            case
                when line_net is null or (discount > 0 and discount <= 100)
                    then in_full(quantity, unit_price)
            end as price_in_full
        from query_table(lines)
    ),

    -- P4 Books does not say whether a discount is an amount or a percentage. The one
    -- that yields the line's own net is taken, or else the amount.
    less_amount as (
        select
            *,
            full_as_money(price_in_full - coalesce(discount, 0)) as net_less_amount
        from multiplied
    ),

    less_share as (
        -- Amounts below 10,000 are computed in 18 digits, as in full_as_money.
        select
            *,
            case
                when net_less_amount <> line_net and abs(price_in_full) < 10000
                    then
                        as_money(
                            price_in_full::decimal(18, 12)::decimal(18, 6)
                            * (100 - discount)::decimal(9, 6) * 0.01
                        )
                when net_less_amount <> line_net
                    then
                        as_money(
                            try_cast(price_in_full as decimal(26, 6))
                            * (100 - discount)::decimal(9, 6) * 0.01
                        )
            end as net_less_share
        from less_amount
    ),

    decided as (
        select
            *,
            coalesce(
                abs(net_less_share::decimal(19, 2) - line_net) <= 0.01
                and abs(net_less_share::decimal(19, 2) - line_net)
                < abs(net_less_amount::decimal(19, 2) - line_net),
                false
            ) as is_share
        from less_share
    ),

    netted as (
        select
            invoice_id,
            line_number,
            product_id,

            line_description,
            tax_code,

            quantity,
            unit_price,
            if(
                is_share,
                money_minus(full_as_money(price_in_full), net_less_share),
                as_money(discount)
            ) as discount,
            coalesce(line_net, net_less_amount, 0) as line_net
        from decided
    ),

    sums as (
        select
            invoice_id,
            min(line_number) as first_number,
            sum(line_net) as lines_net
        from netted
        group by invoice_id
    ),

    excess as (
        -- The header's excess over its lines is in every sum, under no product.
        select
            documents.invoice_id,
            number_before(sums.first_number) as line_number,
            documents.invoice_subtotal - coalesce(sums.lines_net, 0) as net
        from query_table(documents) as documents
        left join sums on documents.invoice_id = sums.invoice_id
        where
            documents.invoice_subtotal <> coalesce(sums.lines_net, 0)
            or (sums.invoice_id is null and documents.invoice_tax <> 0)
    ),

    pieces as (
        -- One line, unless the amount is too large for the type of one line's net.
        select
            *,
            unnest(
                range(
                    (
                        greatest(abs(net) * 100 - 1, 0)::hugeint // 999999999999999999
                    )::bigint
                    + 1
                )
            ) as piece
        from excess
    ),

    differences as (
        select
            invoice_id,
            line_number - piece as line_number,
            greatest(
                least(
                    net - sign(net) * piece * 9999999999999999.99, 9999999999999999.99
                ),
                -9999999999999999.99
            )::decimal(18, 2) as line_net
        from pieces
    ),

    all_lines as (
        select
            *,
            false as is_difference
        from netted
        union all by name
        select
            invoice_id,
            line_number,
            line_net,
            true as is_difference
        from differences
    ),

    coded as (
        select
            documents.* exclude (invoice_subtotal),
            all_lines.line_number,
            coalesce(all_lines.product_id, '(none)') as product_id,
            all_lines.line_description,
            coalesce(nullif(code_key(all_lines.tax_code), ''), '(none)') as tax_code,
            all_lines.is_difference,
            all_lines.quantity,
            all_lines.unit_price,
            all_lines.discount,
            all_lines.line_net
        from all_lines
        inner join query_table(documents) as documents
            on all_lines.invoice_id = documents.invoice_id
    ),

    rated as (
        select
            coded.*,
            rates.tax_rate,
            tax_at_rate(coded.line_net, rates.tax_rate) as tax_by_rate
        from coded
        left join query_table(rates) as rates
            on
                coded.tax_code = rates.tax_code
                and coded.document_on >= rates.valid_from
                and coded.document_on <= coalesce(rates.valid_to, date '9999-12-31')
    ),

    -- If the rate of a tax code is unknown, its tax is what the header charged beyond
    -- the known codes, shared among such lines by their net so that no cent is lost.
    charged as (
        select
            invoice_id,
            as_money(any_value(invoice_tax) - coalesce(sum(tax_by_rate), 0))
                as tax_left,
            sum(line_net) filter (where tax_rate is null) as net_left
        from rated
        group by invoice_id
        having count(*) > count(tax_rate)
    ),

    steps as (
        select
            rated.invoice_id,
            rated.line_number,
            charged.tax_left,
            charged.net_left,
            sum(rated.line_net) over upto as net_upto,
            row_number() over upto as place,
            count(*) over (partition by rated.invoice_id) as places
        from rated
        inner join charged on rated.invoice_id = charged.invoice_id
        where rated.tax_rate is null
        window upto as (
            partition by rated.invoice_id order by rated.line_number
            rows between unbounded preceding and current row
        )
    ),

    shares as (
        select
            invoice_id,
            line_number,
            case
                when place = places then tax_left
                when net_left = 0 then 0
                else
                    coalesce(
                        as_money(tax_left * (net_upto / net_left)), 0
                    )
            end as tax_upto
        from steps
    ),

    unknown_tax as (
        select
            invoice_id,
            line_number,
            as_money(
                tax_upto::decimal(19, 2) - coalesce(
                    lag(tax_upto) over (partition by invoice_id order by line_number), 0
                )
            ) as line_tax
        from shares
    )

    select
        rated.* exclude (invoice_tax, tax_by_rate),
        coalesce(rated.tax_by_rate, unknown_tax.line_tax) as line_tax
    from rated
    left join unknown_tax
        on
            rated.invoice_id = unknown_tax.invoice_id
            and rated.line_number = unknown_tax.line_number;

-- Net and tax of each invoice and tax code, from `lines`, which taxed_lines returned,
-- and `documents` with invoice_id and invoice_tax. It is the tax that was charged: the
-- difference from the tax of the lines, usually a cent of rounding, is added to the
-- code with the most tax.
create macro tax_by_code(lines, documents) as table
    with

    by_code as (
        select
            invoice_id,
            tax_code,
            any_value(tax_rate) as tax_rate,
            if(count(*) = count(line_net), sum(line_net), null) as net,
            if(count(*) = count(line_tax), sum(line_tax), null) as tax_by_rate,
            count(*) as line_count
        from query_table(lines)
        group by invoice_id, tax_code
    ),

    sums as (
        select
            invoice_id,
            sum(tax_by_rate) as tax_by_rate
        from by_code
        group by invoice_id
    ),

    differences as (
        select
            sums.invoice_id,
            documents.invoice_tax - sums.tax_by_rate as difference
        from sums
        inner join query_table(documents) as documents
            on sums.invoice_id = documents.invoice_id
        where documents.invoice_tax <> sums.tax_by_rate
    ),

    corrections as (
        select
            by_code.invoice_id,
            by_code.tax_code,
            differences.difference
        from by_code
        inner join differences on by_code.invoice_id = differences.invoice_id
        qualify
            row_number() over (
                partition by by_code.invoice_id
                order by abs(by_code.tax_by_rate) desc, by_code.tax_code asc
            ) = 1
    )

    select
        by_code.* exclude (tax_by_rate),
        by_code.tax_by_rate + coalesce(corrections.difference, 0) as tax
    from by_code
    left join corrections
        on
            by_code.invoice_id = corrections.invoice_id
            and by_code.tax_code = corrections.tax_code;

-- The rate of ITBMS since July 2010 that a tax code names: that of the law for
-- tobacco, alcohol and lodging, or the digits of ITBMS10 (Código Fiscal, 1057-V). Null
-- if its name says nothing clear, as most do.
create macro rate_by_name(tax_code) as
    case
        when regexp_matches(tax_code, '\b(?:SIN|NO|NON|LIBRE|FREE)\b') then null
        when
            regexp_matches(tax_code, 'TABAC|CIGARR|TOBACCO|CIGARET')
            and not regexp_matches(tax_code, 'LICOR|ALCOHOL|HOTEL|HOSPEDAJE|LODGING')
            then 0.15
        when regexp_matches(tax_code, 'TABAC|CIGARR|TOBACCO|CIGARET') then null
        when regexp_matches(tax_code, 'LICOR|ALCOHOL|HOTEL|HOSPEDAJE|LODGING') then 0.10
        else
            try_cast(
                regexp_extract(
                    tax_code, '^ITBMS[ _-]*([0-9]{1,2})(?:[.,]0+)?[ _]*%?$', 1
                ) as decimal(9, 6)
            ) / 100
    end;

-- Whether a tax is that of a net at a rate, within the rounding of so many lines.
create macro is_tax_at_rate(tax, net, rate, line_count) as
    abs(as_money(tax)::decimal(19, 2) - tax_at_rate(as_money(net), rate))
    <= 0.005 * (line_count + 1);

-- `amounts` of invoices by tax code, as tax_by_code returns them, with document_on and
-- is_credit_note, and their box in the return. Credit notes are in the box of returns,
-- whatever was returned. What has no tax code is in the box of the only other code of
-- its invoice, if its tax is that of this code's rate, else in the box of the one rate
-- that its tax and net show. `tax_boxes` is core.tax_boxes, `forms` is
-- staging.itbms_boxes.
create macro boxes_of(amounts, tax_boxes, forms) as table
    with

    return_boxes as (
        select coalesce(min(box), '(none)') as box from query_table(forms)
        where filled_with = 'returns'
    ),

    by_code as (
        select
            amounts.*,
            tax_boxes.box as code_box
        from query_table(amounts) as amounts
        left join query_table(tax_boxes) as tax_boxes
            on
                amounts.tax_code = tax_boxes.tax_code
                and amounts.document_on >= tax_boxes.valid_from
                and amounts.document_on <= tax_boxes.valid_to
    ),

    uncoded as (
        select invoice_id from by_code
        where tax_code = '(none)' and net <> 0 and not is_credit_note
    ),

    -- The amounts without a code, and the other code if it is the only one.
    shown as (
        select
            by_code.invoice_id,
            sum(by_code.line_count) as line_count,
            any_value(by_code.net) filter (where by_code.tax_code = '(none)') as net,
            any_value(by_code.tax) filter (where by_code.tax_code = '(none)') as tax,
            if(count(*) = 2, any_value(by_code.code_box), null) as other_box,
            if(count(*) = 2, any_value(by_code.tax_rate), null) as other_rate
        from by_code
        semi join uncoded on by_code.invoice_id = uncoded.invoice_id
        group by by_code.invoice_id
    ),

    of_rate as (
        select
            shown.invoice_id,
            any_value(forms.box) as box
        from shown
        inner join query_table(forms) as forms
            on
                forms.filled_with = 'sales'
                and is_tax_at_rate(
                    shown.tax, shown.net, forms.tax_rate, shown.line_count
                )
        group by shown.invoice_id
        having count(*) = 1
    ),

    assumed as (
        select
            shown.invoice_id,
            '(none)' as tax_code,
            case
                when
                    is_tax_at_rate(
                        shown.tax, shown.net, shown.other_rate, shown.line_count
                    )
                    then shown.other_box
                else of_rate.box
            end as box
        from shown
        left join of_rate on shown.invoice_id = of_rate.invoice_id
    )

    select
        by_code.* exclude (code_box),
        if(
            by_code.is_credit_note,
            return_boxes.box,
            coalesce(by_code.code_box, assumed.box, '(none)')
        ) as box
    from by_code
    left join assumed
        on
            by_code.invoice_id = assumed.invoice_id
            and by_code.tax_code = assumed.tax_code
    cross join return_boxes;

-- Part of the ITBMS of an invoice that its customer withheld when it paid: all of it if
-- what it paid is the total less the tax withheld, else in proportion. In whole cents,
-- which are rounded half away from zero.
create macro tax_withheld(tax, total, withheld_share, amount_paid) as
    list_transform(
        [as_money(tax::decimal(19, 2) * withheld_share)],
        lambda withheld: list_transform(
            [total::decimal(19, 2) - withheld],
            lambda to_pay:
            case
                when to_pay is null or amount_paid is null then null
                when sign(amount_paid) * sign(to_pay) <= 0 then 0
                when abs(amount_paid) >= abs(to_pay) then withheld
                else
                    as_money(
                        sign(withheld) * (
                            (
                                2 * abs(withheld::decimal(20, 2) * 100)::hugeint
                                * abs(amount_paid::decimal(20, 2) * 100)::hugeint
                                + abs(to_pay * 100)::hugeint
                            ) // (2 * abs(to_pay * 100)::hugeint)
                        )::decimal(20, 0) * 0.01
                    )
            end
        )[1]
    )[1];

-- Versions ---------------------------------------------------------------------------

-- Whether the next version of an id is of another record, to which P4 Books gave it.
-- `is_gap`: a run saw that the id was gone between them. A code may be corrected; a
-- creation date never changes, but a new notation may shift it by hours.
-- So, after a gap, it is another record if it was made more than a day apart, or if its
-- code is another one and its creation date is not known to be the same. Without a gap,
-- only if code and creation date are others, and either its name or day is another one
-- as well, or it was made when the id was in use already, at `used_at`.
create macro is_another_record(
    is_gap,
    code,
    code_before,
    created,
    created_before,
    name_or_day,
    name_or_day_before,
    used_at
) as
    coalesce(
        if(
            is_gap,
            (
                code <> code_before
                and coalesce(created <> created_before, true)
            )
            or (
                created not between created_before - interval 1 day
                and created_before + interval 1 day
            ),
            code <> code_before
            and created <> created_before
            and (name_or_day <> name_or_day_before or created > used_at)
        ),
        false
    );

-- The versions of ids with more than one, from `identities` with entity_id, code,
-- name_or_day, created_at, valid_from and valid_to: when the record of each version was
-- first seen, rather than an earlier one with its id.
create macro records_of(identities) as table
    with

    changed as (
        select entity_id from query_table(identities)
        group by entity_id
        having count(*) > 1
    ),

    given as (
        select
            entity_id,
            nullif(code_key(code), '') as code,
            nullif(trim(name_or_day), '') as name_or_day,
            created_at,
            valid_from,
            valid_to
        from query_table(identities) as identities
        semi join changed on identities.entity_id = changed.entity_id
    ),

    -- What a version does not say is as before.
    pairs as (
        select
            entity_id,
            valid_from,
            is_another_record(
                lag(valid_to) over versions < valid_from,
                code,
                lag(code ignore nulls) over versions,
                created_at,
                lag(created_at ignore nulls) over versions,
                name_or_day,
                lag(name_or_day ignore nulls) over versions,
                lag(valid_from) over versions
            ) as is_another
        from given
        window versions as (partition by entity_id order by valid_from)
    )

    select
        entity_id,
        valid_from,
        max(if(is_another, valid_from, null)) over versions as first_seen_at,
        min(valid_from) over versions as first_used_at
    from pairs
    window versions as (partition by entity_id order by valid_from);

-- `versions` with entity_id, valid_from and first_seen_at, which becomes that of their
-- record in `records`, the result of `records_of`.
create macro with_first_seen(versions, records) as table
    select
        versions.* exclude (entity_id) replace (
            coalesce(
                records.first_seen_at, records.first_used_at, versions.valid_from
            ) as first_seen_at
        )
    from query_table(versions) as versions
    left join query_table(records) as records
        on
            versions.entity_id = records.entity_id
            and versions.valid_from = records.valid_from;

-- The last version of each id, deleted or not, from `versions` that have entity_id.
create macro last_versions(versions) as table
    with

    spans as (
        select
            entity_id,
            max(valid_from) as last_from,
            bool_and(valid_to is not null) as is_deleted
        from query_table(versions)
        group by entity_id
    )

    select
        versions.*,
        spans.is_deleted,
        if(spans.is_deleted, versions.valid_to, versions.valid_from)
            as last_changed_at
    from query_table(versions) as versions
    inner join spans
        on
            versions.entity_id = spans.entity_id
            and versions.valid_from = spans.last_from;

-- Classes ----------------------------------------------------------------------------

-- Class, rank and share of each entity_id in `sales` of one currency: A makes up the
-- first 80 % of sales, B goes up to 95 %. Whoever crosses a limit is in the better
-- class. Amounts are compared instead of shares, since 0.95 - 0.15 is less than 0.8 in
-- floating point.
create macro abc_classes(sales) as table
    with

    sums as (
        select
            entity_id,
            currency,
            sum(net) as net
        from query_table(sales)
        group by entity_id, currency
    ),

    ranked as (
        select
            *,
            row_number() over by_net as rank,
            sum(net) over (by_net rows between unbounded preceding and current row)
                as net_upto,
            sum(net) over (partition by currency) as net_of_all
        from sums
        window by_net as (partition by currency order by net desc, entity_id asc)
    )

    select
        entity_id,
        currency,
        case
            when net <= 0 then 'C'
            when (net_upto - net) * 100 < net_of_all * 80 then 'A'
            when (net_upto - net) * 100 < net_of_all * 95 then 'B'
            else 'C'
        end as abc_class,
        rank,
        share_of(net, net_of_all) as net_share,
        share_of(net_upto, net_of_all) as cumulative_share,
        as_money(net) as net
    from ranked;

-- Findings ---------------------------------------------------------------------------

-- A value of a finding as the Spanish sentence has it; days are of the form 31/10/2026.
create macro value_in_spanish(text) as
    case text
        when '(none)' then '(sin dato)'
        when '(no code)' then '(sin código)'
        else regexp_replace(text, '^(\d{4})-(\d\d)-(\d\d)$', '\3/\2/\1')
    end;

-- What a finding says: a sentence in English and in Spanish, and up to four texts for
-- their `{}`; a sentence with null for these is as it is. Of all findings of a model it
-- is written out once, by the two macros below, since DuckDB plans each call.
create macro in_both(english, spanish, items) as
    { 'en': english, 'es': spanish, 'items': items::varchar[] };

create macro in_english(sentence) as
    case
        when sentence.items is null then sentence.en
        else
            format(
                sentence.en,
                coalesce(sentence.items[1], ''),
                coalesce(sentence.items[2], ''),
                coalesce(sentence.items[3], ''),
                coalesce(sentence.items[4], '')
            )
    end;

create macro in_spanish(sentence) as
    case
        when sentence.items is null then sentence.es
        else
            format(
                sentence.es,
                coalesce(value_in_spanish(sentence.items[1]), ''),
                coalesce(value_in_spanish(sentence.items[2]), ''),
                coalesce(value_in_spanish(sentence.items[3]), ''),
                coalesce(value_in_spanish(sentence.items[4]), '')
            )
    end;

-- Codes that more than one record of a kind has, from `codes` with entity, entity_id
-- and code.
create macro doubled_codes(codes) as table
    with

    counted as (
        select
            entity,
            code,
            count(*) as times
        from query_table(codes)
        where code is not null
        group by entity, code
        having count(*) > 1
    )

    select
        'doubled code' as rule,
        'warning' as severity,
        codes.entity,
        codes.entity_id,
        '' as place,
        in_both(
            '{} have the code {}',
            '{} tienen el código {}',
            [counted.times::varchar, codes.code]
        ) as sentence
    from query_table(codes) as codes
    inner join counted
        on codes.entity = counted.entity and codes.code = counted.code;
