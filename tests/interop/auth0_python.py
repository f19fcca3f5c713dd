"""Auth0's SDK for Python as the client, unchanged. It does not poll by itself, and what it has for verifying ID tokens stops at key sets with
anything but RSA in them, so PyJWT does that; story.mjs describes what is read and printed."""

import json
import os
import sys
import time
from urllib.parse import urlsplit

import jwt
from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.get_token import GetToken

ENDINGS = {"approve": "tokens", "deny": "access_denied", "expiry": "expired_token"}


def play(config):
    domain = urlsplit(config["issuer"]).netloc
    who = (domain, config["client_id"], config["client_secret"])
    # As Auth0 documents it: the issuer with a slash at its end.
    hint = {"format": "iss_sub", "iss": f"https://{domain}/", "sub": config["sub"]}
    asked = BackChannelLogin(*who).back_channel_login(
        binding_message=config["binding_message"],
        login_hint=json.dumps(hint),
        scope=config.get("scope", "openid"),
        requested_expiry=config.get("requested_expiry"),
    )
    print('{"event":"started"}', flush=True)
    while True:
        time.sleep(asked["interval"])
        try:
            tokens = GetToken(*who).backchannel_login(asked["auth_req_id"])
        except Auth0Error as error:
            if error.error_code == "authorization_pending":
                continue
            raise
        key = jwt.PyJWKClient(f"https://{domain}/jwks").get_signing_key_from_jwt(tokens["id_token"])
        return jwt.decode(tokens["id_token"], key, algorithms=["ES256", "RS256"], issuer=config["issuer"], audience=config["client_id"])


config = json.loads(os.environ["INTEROP"])
line = {"story": config["story"]}
try:
    claims, ending = play(config), "tokens"
    line["claims"] = claims
except Auth0Error as error:
    ending = error.error_code
    line |= {"error": ending, "description": error.message}
line["ok"] = ending == ENDINGS[config["story"]]
print(json.dumps(line), flush=True)
sys.exit(0 if line["ok"] else 1)
