-- One row per finding: what is missing, implausible or contradictory in the books.
-- key: rule, entity, entity_id, place
-- section: Trust
-- order: severity, rule, entity, entity_id, place
-- question: What should be corrected in P4 Books?
-- query: select severity, rule, record_code, record_name, place, detail
--   from reporting.data_quality order by severity, rule, record_code limit 20
with

findings as (
    select * from reporting.findings_in_master_data
    union all
    select * from core.document_findings
    union all
    select * from reporting.findings_in_documents
    union all
    select * from reporting.findings_in_lines
    union all
    select * from reporting.findings_in_history
),

parties as (
    select
        'customer' as entity,
        customer_id as entity_id,
        customer_code as record_code,
        customer_name as record_name
    from core.dim_customer
    union all
    select
        'vendor' as entity,
        vendor_id as entity_id,
        vendor_code as record_code,
        vendor_name as record_name
    from core.dim_vendor
),

-- The last version, also of a document that was deleted.
documents as (
    select
        versions.document_type as entity,
        versions.document_id as entity_id,
        if(
            versions.document_type = 'purchase order', 'vendor', 'customer'
        ) as party_kind,
        arg_max(versions.document_code, versions.valid_from) as record_code,
        arg_max(coalesce(versions.party_id, '(none)'), versions.valid_from)
            as party_id
    from core.document_versions as versions
    semi join findings
        on
            versions.document_type = findings.entity
            and versions.document_id = findings.entity_id
    group by versions.document_type, versions.document_id
),

records as (
    select
        documents.entity,
        documents.entity_id,
        documents.record_code,
        parties.record_name
    from documents
    left join parties
        on
            documents.party_kind = parties.entity
            and documents.party_id = parties.entity_id
    union all
    select * from parties
    union all
    select
        'product' as entity,
        product_id as entity_id,
        product_code as record_code,
        product_name as record_name
    from core.dim_product
),

named as (
    select
        findings.rule,
        findings.severity,
        findings.entity,
        findings.entity_id,
        records.record_code,
        records.record_name,
        findings.place,
        regexp_replace(findings.place, '^line ', 'línea ') as place_es,
        findings.detail,
        findings.detail_es
    from findings
    left join records
        on findings.entity = records.entity and findings.entity_id = records.entity_id
)

select * from named
