"""John's password, and who judges his name."""

from __future__ import annotations

import json

from quintet.wire import Response

PASSWORD = "correct horse battery staple"


class Judge:
    """Stands in for the validation service: gives one answer and remembers who was judged."""

    def __init__(self):
        self.answer, self.status = {"valid": True, "score": 1.0, "reasons": []}, 200
        self.error = None
        self.requests = []

    @property
    def judged(self):
        return [json.loads(request.body) for request in self.requests]

    def send(self, request):
        self.requests.append(request)
        if self.error:
            raise self.error
        return Response(status=self.status, body=json.dumps(self.answer).encode())
