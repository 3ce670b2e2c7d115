-- One row per line of a purchase order that P4 Books has now.
-- key: purchase_order_id, line_number
-- question: What stands on the lines of a purchase order?
-- query: select line_number, line_description, quantity, unit_price, line_net
--   from staging.purchase_order_lines where purchase_order_id = '1'
--   order by line_number
with

versions as (
    select * from raw.purchase_orders
    where _dlt_valid_to is null
),

documents as (
    select
        id as purchase_order_id,
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
        ) as items
    from versions
    where json_array_length(lines) > 0
),

lines as (
    -- Their own numbers where each line of a document has one, else its place.
    select
        purchase_order_id,
        list_unique(
            list_transform(items, lambda each: try_cast(each.line_number as bigint))
        ) = len(items) as has_own_numbers,
        unnest(items) as item,
        generate_subscripts(items, 1) as place
    from documents
),

typed as (
    select
        purchase_order_id,
        if(has_own_numbers, try_cast(item.line_number as bigint), place)
            as line_number,
        item.product_id,

        item.description as line_description,
        item.tax_code,

        try_cast(item.quantity as decimal(18, 6)) as quantity,
        try_cast(item.price as decimal(18, 6)) as unit_price,
        try_cast(item.discount as decimal(18, 6)) as discount,
        try_cast(item.subtotal as decimal(18, 2)) as line_net
    from lines
)

select * from typed
