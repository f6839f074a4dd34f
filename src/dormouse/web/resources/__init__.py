"""The routes of the API, one module per group of objects. Each gives its rows of the table by `routes()`."""
