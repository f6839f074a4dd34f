-- What Django does not do: a role that is no superuser, and a database that it owns. CREATEDB is for the tests.
CREATE ROLE scratch LOGIN PASSWORD 'not-for-production' NOSUPERUSER CREATEDB NOCREATEROLE;
GRANT scratch TO CURRENT_USER;
CREATE DATABASE scratch OWNER scratch ENCODING 'UTF8' TEMPLATE template0;
