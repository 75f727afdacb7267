# kombu over AMQP 0-9-1. `publish URL QUEUE [COMPRESSION]` sends one order; `get URL QUEUE` takes one message and prints it as JSON.
import json
import sys

from kombu import Connection, Exchange, Producer, Queue

what, url, name = sys.argv[1:4]
with Connection(url.replace("amqp://", "pyamqp://")) as connection:
    channel = connection.channel()
    if what == "publish":
        Producer(channel, exchange=Exchange("")).publish(
            {"id": 7, "item": "Käse"},
            routing_key=name,
            serializer="json",
            headers={"tenant": "acme", "size": 3},
            priority=5,
            expiration=60,
            reply_to="answers",
            correlation_id="c-7",
            message_id="k-7",
            delivery_mode=2,
            compression=sys.argv[4] if len(sys.argv) > 4 else None,
        )
    else:
        message = Queue(name, channel=channel).get(no_ack=False)
        message.ack()
        properties = message.properties
        print(
            json.dumps(
                {
                    "body": message.decode(),
                    "contentType": message.content_type,
                    "headers": {key: value for key, value in message.headers.items() if not key.startswith("x-")},
                    "priority": properties.get("priority"),
                    "expiration": properties.get("expiration"),
                    "replyTo": properties.get("reply_to"),
                    "correlationId": properties.get("correlation_id"),
                    "messageId": properties.get("message_id"),
                    "deliveryMode": properties.get("delivery_mode"),
                }
            )
        )
