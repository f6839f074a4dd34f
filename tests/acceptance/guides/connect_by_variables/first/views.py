from django.db import connection
from django.http import HttpResponse


def version(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        (text,) = cursor.fetchone()
    return HttpResponse(text, content_type="text/plain")
