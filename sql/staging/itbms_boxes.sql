-- One row per box of the ITBMS return (Form 430): what it is for, and who says so.
-- key: box
-- question: Which boxes of the ITBMS return do these books fill, and who says so?
-- query: select box, tax_box, label_es, filled_with, certainty, source
--   from staging.itbms_boxes order by box
with

boxes as (
    select * from raw.itbms_boxes
)

select
    box,

    tax_box,
    label_es,
    label_en,
    filled_with,
    certainty,
    source,

    rate as tax_rate
from boxes
