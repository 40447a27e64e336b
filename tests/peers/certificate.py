"""Makes the certificate of an agent, such as a person may lay into its folder.

usage: certificate.py DIR AGENT_ID DAYS

DIR gets cert.der, which ends in so many days, and key.pem, as the agent makes them itself.
"""

import datetime
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

directory, agent_id, days = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Plimsoll {agent_id}")])
now = datetime.datetime.now(datetime.timezone.utc)
uri = x509.UniformResourceIdentifier(f"urn:plimsoll:edge-agent:{agent_id}")
certificate = (
    x509.CertificateBuilder()
    .subject_name(name)
    .issuer_name(name)
    .public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - datetime.timedelta(days=365))
    .not_valid_after(now + datetime.timedelta(days=days))
    .add_extension(x509.SubjectAlternativeName([uri, x509.DNSName("localhost")]), critical=False)
    .sign(key, hashes.SHA256())
)
directory.mkdir(parents=True)
(directory / "cert.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
pem = key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
with open(os.open(directory / "key.pem", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
    file.write(pem)
