-- One row per finding: what is missing, implausible or contradictory in the books.
-- key: rule, entity, entity_id, place
-- section: Trust
-- order: severity, rule, entity, entity_id, place
-- question: What should be corrected in P4 Books?
-- query: select severity, rule, count(*) as findings
--   from reporting.data_quality
--   group by severity, rule order by severity, findings desc
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
)

select * from findings
