-- How each provider's statuses are read. A file status_mapping.csv in the home directory adds to it.
-- grain: provider, provider_status
select
    provider, -- the service
    provider_status, -- its status, empty where it gives none; case and outer spaces are no matter
    status, -- active, inactive, planned, on_hold, completed, cancelled or archived
from seeds.status_mapping
order by provider, provider_status
