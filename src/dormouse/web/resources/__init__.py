"""The routes of the API, one module per group of objects. Each has `routes(service, …)`."""
