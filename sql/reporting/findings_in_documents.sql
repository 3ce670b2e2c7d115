-- One row per finding in an invoice or order beside other records.
-- key: rule, entity, entity_id, place
-- published: no
with

customers as (
    select * from core.dim_customer
    where is_known
),

documents as (
    select
        document_type as entity,
        document_id as entity_id,
        document_code as code,
        party_id
    from core.document_versions
    where valid_to is null
),

parties as (
    select
        'invoice' as entity,
        customer_id as party_id
    from customers
    union all
    select
        'sales order' as entity,
        customer_id as party_id
    from customers
    union all
    select
        'purchase order' as entity,
        vendor_id as party_id
    from core.dim_vendor
    where is_known
),

unknown_party as (
    select
        'unknown party' as rule,
        'error' as severity,
        documents.entity,
        documents.entity_id,
        '' as place,
        if(
            documents.entity = 'purchase order',
            in_both(
                'there is no vendor {}',
                'no existe el proveedor {}',
                [documents.party_id]
            ),
            in_both(
                'there is no customer {}',
                'no existe el cliente {}',
                [documents.party_id]
            )
        ) as sentence
    from documents
    anti join parties
        on
            documents.entity = parties.entity
            and documents.party_id = parties.party_id
    where documents.party_id is not null
),

doubled_code as (
    select * from doubled_codes(documents)
),

findings as (
    select * from unknown_party
    union all
    select * from doubled_code
)

select
    * exclude (sentence),
    in_english(sentence) as detail,
    in_spanish(sentence) as detail_es
from findings
