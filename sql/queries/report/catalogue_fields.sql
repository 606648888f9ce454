-- What the page shows of a project when it is opened: a JSON array for each column, in the order of the projects; null
-- for a column that no project fills. Times are milliseconds since 1970.
select
    if(count(description) > 0, to_json(list(left(description, getvariable('longest')) order by position)), null) as description,
    if(count(code) > 0, to_json(list(left(code, getvariable('longest')) order by position)), null) as code,
    if(count(provider_status) > 0, to_json(list(left(provider_status, getvariable('longest')) order by position)), null)
        as provider_status,
    if(count(status_since) > 0, to_json(list(epoch_ms(status_since) order by position)), null) as status_since,
    if(count(phase) > 0, to_json(list(left(phase, getvariable('longest')) order by position)), null) as phase,
    if(count(category) > 0, to_json(list(left(category, getvariable('longest')) order by position)), null) as category,
    if(count(priority) > 0, to_json(list(priority order by position)), null) as priority,
    if(count(starts_at) > 0, to_json(list(epoch_ms(starts_at) order by position)), null) as starts_at,
    if(count(finishes_at) > 0, to_json(list(epoch_ms(finishes_at) order by position)), null) as finishes_at,
    if(count(created_at) > 0, to_json(list(epoch_ms(created_at) order by position)), null) as created_at,
    if(count(updated_at) > 0, to_json(list(epoch_ms(updated_at) order by position)), null) as updated_at,
    if(count(archived_at) > 0, to_json(list(epoch_ms(archived_at) order by position)), null) as archived_at,
    if(count(last_activity_at) > 0, to_json(list(epoch_ms(last_activity_at) order by position)), null)
        as last_activity_at,
    if(count(city) > 0, to_json(list(left(city, getvariable('longest')) order by position)), null) as city,
    if(count(region) > 0, to_json(list(left(region, getvariable('longest')) order by position)), null) as region,
    if(count(country) > 0, to_json(list(left(country, getvariable('longest')) order by position)), null) as country,
    if(count(domain) > 0, to_json(list(left(domain, getvariable('longest')) order by position)), null) as domain,
    if(count(coalesce(owner_name, owner_id)) > 0,
        to_json(list(left(coalesce(owner_name, owner_id), getvariable('longest')) order by position)),
        null) as owner,
    if(count(created_by) > 0, to_json(list(left(created_by, getvariable('longest')) order by position)), null) as created_by,
    if(count(path) > 0, to_json(list(left(path, getvariable('longest')) order by position)), null) as path,
from report_projects
where report_projects.recency <= getvariable('most_projects')
