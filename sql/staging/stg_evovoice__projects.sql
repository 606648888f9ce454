-- EvoVoice: one row per span of a customer, or of an account for its files without one, present while a file is.
-- At any instant the customer is what its most recently created file then listed says.
-- grain: project_key, valid_from
with said as (
    select
        project_key,
        connection,
        provider,
        staging.named(customer_id) as customer_id,
        customer_name,
        account_id,
        account_name,
        case
            when json_exists(customer_breadcrumb, '$[0].id') then customer_breadcrumb ->> '$[*].id'
            else customer_breadcrumb ->> '$[*].Id'
        end as place_ids,
        case
            when json_exists(customer_breadcrumb, '$[0].id') then customer_breadcrumb ->> '$[*].name'
            else customer_breadcrumb ->> '$[*].Name'
        end as place_names,
        file_id,
        created_at,
        valid_from,
        valid_to,
        last_seen_at,
    from staging.stg_evovoice__files
    where project_key is not null
),

-- The instants at which a file of a customer came, changed or went.
boundaries as (
    select
        project_key,
        valid_from as boundary,
        1 as step,
    from said
    union all
    select
        project_key,
        valid_to as boundary,
        -1 as step,
    from said
    where valid_to is not null
),

steps as (
    select
        project_key,
        boundary,
        sum(step) as step,
    from boundaries
    group by project_key, boundary
),

spans as (
    select
        project_key,
        boundary as span_from,
        lead(boundary) over ahead as span_to,
        sum(step) over ahead as files,
    from steps
    window ahead as (partition by project_key order by boundary)
),

-- Most customers are described alike by all their files: one of those then speaks for every span.
voices as (
    select
        *,
        count(distinct hash(customer_name, account_id, account_name, place_ids, place_names))
            over (partition by project_key)
        = 1 as is_unanimous,
        row_number() over (partition by project_key order by created_at desc nulls last, file_id desc) as age,
        max(last_seen_at) over (partition by project_key) as customer_seen_at,
    from said
),

spoken as (
    select
        spans.*,
        voices.* exclude (project_key),
    from spans
    inner join voices on spans.project_key = voices.project_key and voices.is_unanimous and voices.age = 1
    where spans.files > 0
    union all by name
    select
        spans.*,
        voices.* exclude (project_key),
    from spans
    inner join voices
        on
            spans.project_key = voices.project_key
            and not voices.is_unanimous
            and spans.span_from >= voices.valid_from
            and (voices.valid_to is null or spans.span_from < voices.valid_to)
    qualify row_number() over (partition by spans.project_key, spans.span_from order by voices.age) = 1
),

-- The breadcrumb's direction is not documented: it is read as ending in the customer, wherever that stands.
located as (
    select
        *,
        if(place_ids[1] = customer_id, list_reverse(place_ids), place_ids) as trail,
        array_to_string(
            if(place_ids[1] = customer_id, list_reverse(place_names), place_names), ' / '
        ) as trail_path,
    from spoken
)

select
    project_key,
    connection,
    provider,
    coalesce(customer_id, account_id) as project_id,
    'customer' as kind,
    case when customer_id is null then account_name else customer_name end as name,
    customer_id as client_id,
    case when customer_id is not null then customer_name end as client_name,
    account_id as owner_id,
    account_name as owner_name,
    case
        when trail[-1] = customer_id then connection || ':' || trail[-2]
        when len(trail) = 1 then connection || ':' || trail[1]
    end as parent_key,
    case
        when trail[-1] = customer_id then trail_path
        when customer_id is not null then concat_ws(' / ', nullif(trail_path, ''), customer_name)
    end as path,
    true as is_active,
    span_from as valid_from,
    span_to as valid_to,
    case when span_to is not null then if(lead(span_from) over ahead = span_to, 'changed', 'removed') end as end_reason,
    customer_seen_at as last_seen_at,
from located
window ahead as (partition by project_key order by span_from)
