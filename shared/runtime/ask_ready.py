"""`python -m shared.runtime.ask_ready`: ends with an error unless the service beside it is ready.

For the health checks of containers. READY_URL is the service's address without TLS; where
TLS_CERT_FILE is set, it is asked by https.
"""

import os
import ssl
import urllib.request

SECONDS = 9


def ask_ready() -> None:
    """Ask once; raises OSError where it does not answer with success."""
    url = os.environ["READY_URL"]
    context = None
    if os.environ.get("TLS_CERT_FILE"):
        url = url.replace("http://", "https://", 1)
        # Inside its own container: the certificate names the host that others know it by.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    urllib.request.urlopen(url, timeout=SECONDS, context=context).close()  # noqa: S310 - http(s)


if __name__ == "__main__":
    ask_ready()
