-- One row per kind of fault of the last run, except those with an alert of their own.
-- severity: error
select
    'The last sync failed: ' || words as title,
    'La última sincronización falló: ' || words_es as title_es,
    kind as key,
    any_value(sentence order by place) as detail
from ops.faults
where
    kind not in (
        'CheckFailed', 'KeyRefused', 'RightMissing', 'RowsReplaced', 'TooManyChanged',
        'TooManyGone'
    )
group by kind, words, words_es
