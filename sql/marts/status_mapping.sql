-- The meaning of each provider's statuses. A file status_mapping.csv in the home directory adds to it and overrides it.
-- grain: provider, provider_status
-- example: select provider_status, status from status_mapping where provider = 'rillsoft'
select
    provider, -- the service
    provider_status, -- its status, empty if it sends none; case and outer spaces are ignored
    status, -- active, inactive, planned, on_hold, completed, cancelled, archived or unknown
from seeds.status_mapping
qualify row_number() over (partition by provider, staging.status_key(provider_status) order by precedence desc) = 1
order by provider, provider_status
