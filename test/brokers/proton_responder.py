"""Answers requests as any AMQP 1.0 program would: proton_responder.py URI ADDRESS COUNT. Prints what it was asked as JSON."""

import json
import sys

from proton import Message
from proton.utils import BlockingConnection

uri, address, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = BlockingConnection(uri, timeout=30)
receiver = connection.create_receiver(address, credit=count)
print("ready", flush=True)
asked = []
for _ in range(count):
    request = receiver.receive(timeout=30)
    text = bytes(request.body).decode()
    body = json.loads(text) if request.content_type == "application/json" else text
    asked.append({"subject": request.subject, "body": body})
    sender = connection.create_sender(request.reply_to)
    sender.send(Message(correlation_id=request.correlation_id, body={"seen": body}))
    sender.close()
    receiver.accept()
connection.close()
print(json.dumps(asked))
