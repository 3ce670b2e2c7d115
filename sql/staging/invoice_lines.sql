-- One row per line of an invoice that P4 Books has now.
with

versions as (
    select * from staging.invoices_history
    where valid_to is null
),

items as (
    select
        invoice_id,
        unnest(
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
            )
        ) as item,
        generate_subscripts(lines::json[], 1) as place
    from versions
    where json_array_length(lines) > 0
),

numbered as (
    -- Their numbers where each line of a document has one of its own, else its place.
    select
        invoice_id,
        item,
        place,
        try_cast(item.line_number as bigint) as given,
        count(distinct given) over whole_document = count(*) over whole_document
            as has_own_numbers
    from items
    window whole_document as (partition by invoice_id)
),

typed as (
    select
        invoice_id,
        if(has_own_numbers, given, place) as line_number,
        item.product_id,

        item.description as line_description,
        item.tax_code,

        try_cast(item.quantity as decimal(18, 6)) as quantity,
        try_cast(item.price as decimal(18, 6)) as unit_price,
        try_cast(item.discount as decimal(18, 6)) as discount,
        try_cast(item.subtotal as decimal(18, 2)) as line_net
    from numbered
)

select * from typed
