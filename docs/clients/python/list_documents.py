"""Lists a partner's documents over gRPC: a token by client credentials, then page by page."""

import argparse
import json
import urllib.parse
import urllib.request

import grpc

from guildhall.document.v1 import document_pb2, document_service_pb2, document_service_pb2_grpc


def token(issuer: str, client_id: str, client_secret: str) -> str:
    """A token by client credentials, from the issuer's own token endpoint."""
    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=10) as answer:
        endpoint = json.load(answer)["token_endpoint"]
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(endpoint, data=body, timeout=10) as answer:
        return json.load(answer)["access_token"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("issuer", "client-id", "client-secret", "target"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()

    metadata = [("authorization", f"Bearer {token(args.issuer, args.client_id, args.client_secret)}")]
    with grpc.insecure_channel(args.target) as channel:
        documents = document_service_pb2_grpc.DocumentServiceStub(channel)
        page_token = ""
        while True:
            request = document_service_pb2.ListDocumentsRequest(page_size=50, page_token=page_token)
            page = documents.ListDocuments(request, metadata=metadata, timeout=10)
            for document in page.documents:
                status = document_pb2.DocumentStatus.Name(document.status)
                print(document.document_id, status, document.size_bytes)
            page_token = page.next_page_token
            if not page_token:
                return


if __name__ == "__main__":
    main()
