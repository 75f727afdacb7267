# A client that nobody here wrote (Python's uamqp) with a token of claims-based security that it signed itself. Prints JSON.
import datetime
import json
import sys

import uamqp
from uamqp import authentication, utils

command, port, ca, key_name, key = sys.argv[1:6]
uri = "sb://localhost/orders"
url = "amqps://localhost/orders"


def auth(secret):
    token = utils.create_sas_token(
        key_name.encode(), secret.encode(), uri.encode(), expiry=datetime.timedelta(seconds=600)
    )
    return token.decode() if isinstance(token, bytes) else token


def send(secret):
    given = authentication.SASTokenAuth(
        uri, url, auth(secret), expires_in=datetime.timedelta(seconds=600), port=int(port), verify=ca
    )
    client = uamqp.SendClient(url, auth=given)
    client.queue_message(uamqp.Message(b"with a token"))
    print(json.dumps([state.name for state in client.send_all_messages()]), flush=True)
    client.close()


send(key if command == "send" else "another key")
