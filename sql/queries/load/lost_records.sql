-- Listings of which another number of records was loaded than was received.
select
    run_listings.connection,
    run_listings.records,
    count(received.listing) as landed,
from run_listings
left join received on run_listings.listing = received.listing
group by run_listings.listing, run_listings.connection, run_listings.records
having landed <> run_listings.records
