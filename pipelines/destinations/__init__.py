"""Publishing to other warehouses: the kinds of destinations, the rows that differ there, and sending them.

kinds      the destinations that Rollcall can publish to, and the SQL of each
target     a destination as a home configures it
columns    a published table as its destination has it: columns, key, descriptions
changes    the rows that differ from those at the destination, as Parquet files
session    dlt with one destination: creates tables and stages rows
databases  publishes to databases, with SQL
lakes      publishes to Delta and Iceberg tables

Start reading at `pipelines.commands.publish`.
"""
