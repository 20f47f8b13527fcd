"""What services promise one another, as files: written from code, compared, made into clients.

The files are data only, in the folder ``contracts/`` beside ``services/``: the OpenAPI document of
each service, and the JSON Schema of each version of each event. Development time only; a service
that is deployed knows neither the folder nor this package.
"""
