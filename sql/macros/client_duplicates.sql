-- Probable duplicates among the clients: a proposed line of client_mapping.csv for each spelling of a client whose name
-- is similar to that of a client with more projects. `at_least` is the Jaro-Winkler similarity, from 0 to 1, such as
-- 0.9.
create or replace macro client_duplicates(at_least) as table
    with words as (
        select
            client_key,
            unnest(list_distinct(regexp_split_to_array(client_key, '[^\w]+'))) as word,
        from clients
    ),

    -- Only clients that share a distinctive word are compared. A word of many clients, such as a legal form, is not.
    distinctive_words as (
        select word,
        from words
        where length(word) > 2
        group by word
        having count(*) between 2 and 100
    ),

    candidates as (
        select distinct
            one.client_key,
            other.client_key as other_key,
        from words as one
        inner join words as other on one.word = other.word and one.client_key < other.client_key
        where one.word in (select word, from distinctive_words)
    ),

    compared as (
        select
            if(one.projects < other.projects, other, one) as kept,
            if(one.projects < other.projects, one, other) as duplicate,
            jaro_winkler_similarity(one.client_key, other.client_key) as similarity,
        from candidates
        inner join clients as one on candidates.client_key = one.client_key
        inner join clients as other on candidates.other_key = other.client_key
        where jaro_winkler_similarity(one.client_key, other.client_key) >= at_least
    ),

    spellings as (
        select
            connection,
            client_key,
            client_name,
            count(distinct project_key) as projects,
        from projects_history
        where client_key is not null
        group by all
    )

    select
        spellings.connection,
        spellings.client_name as client,
        compared.kept.name as name,
        round(compared.similarity, 3) as similarity,
        spellings.projects,
    from compared
    inner join spellings on compared.duplicate.client_key = spellings.client_key
    -- A client that is a duplicate itself is not a target, because one line of the mapping does not lead to another.
    where compared.kept.client_key not in (select duplicate.client_key, from compared)
    order by similarity desc, name asc, connection asc, client asc;
