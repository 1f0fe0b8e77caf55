select
    period_start,
    place,
    driver,
    kind,
    level,
    unit,
    gain,
    gain_per_unit,
    more_of_the_goal
from {{ source('analysis', 'drivers') }}
