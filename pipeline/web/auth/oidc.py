"""Signing in through the house's identity provider: OpenID Connect, authorization code with PKCE, state and
nonce.

The provider says who somebody is (its issuer and subject); which account that is, and its role, is decided
here: an administrator ties the subject to an account. The provider's description and keys are fetched when
they are needed and kept for KEPT_SECONDS."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any

from pipeline.config import WebSettings
from pipeline.errors import ChartloomError, ServiceAway

KEPT_SECONDS = 600.0
SECONDS = 10.0  # a provider that takes longer is away
ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]


class SignInFailed(ChartloomError):
    """The provider's answer does not prove who somebody is."""

    code = "sign_in_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the browser carries from leaving for the provider until it is back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def fresh(cls) -> Attempt:
        """A new one, which nobody can guess."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )

    @classmethod
    def read(cls, cookie: str | None) -> Attempt:
        """As `cookie` wrote it. Raises SignInFailed."""
        parts = (cookie or "").split(".")
        if len(parts) != 3 or not all(parts):
            raise SignInFailed("This sign-in was not begun in this browser, or too long ago.", "Begin again.")
        return cls(state=parts[0], nonce=parts[1], verifier=parts[2])

    @property
    def cookie(self) -> str:
        return f"{self.state}.{self.nonce}.{self.verifier}"


class Provider:
    """The identity provider of the settings."""

    def __init__(self, settings: WebSettings) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
        self._known: dict[str, tuple[float, Any]] = {}

    def leave(self, attempt: Attempt, back: str) -> str:
        """Where the browser goes to sign in. Raises ServiceAway."""
        with self._client(back) as client:
            url, _ = client.create_authorization_url(
                self._described()["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    def subject(self, attempt: Attempt, back: str, state: str, code: str) -> str:
        """Who signed in, by the provider's own signed word. Raises SignInFailed, ServiceAway."""
        import httpx
        from authlib.common.errors import AuthlibBaseError

        if not hmac.compare_digest(state.encode(), attempt.state.encode()):
            raise SignInFailed("This answer belongs to another sign-in.", "Begin again.")
        try:
            with self._client(back) as client:
                endpoint = self._described()["token_endpoint"]
                token = client.fetch_token(
                    endpoint, code=code, code_verifier=attempt.verifier, grant_type="authorization_code"
                )
        except AuthlibBaseError as error:
            raise SignInFailed("The identity provider refused the sign-in.", "Begin again.") from error
        except httpx.HTTPError as error:
            raise ServiceAway(
                "The identity provider does not answer.", "Try again, or sign in with a password."
            ) from error
        return self._checked(str(token.get("id_token", "")), attempt.nonce)

    def _checked(self, token: str, nonce: str) -> str:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            claims = jwt.decode(
                token,
                KeySet.import_key_set(self._fetched(self._described()["jwks_uri"])),
                algorithms=ALGORITHMS,
            ).claims
            rules = jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": self._described()["issuer"]},
                aud={"essential": True, "value": self._id},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignInFailed(
                "The identity provider's answer cannot be trusted.", "Tell an administrator."
            ) from error
        return f"{self._issuer}#{claims['sub']}"

    def _described(self) -> dict[str, Any]:
        found: dict[str, Any] = self._fetched(f"{self._issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self._issuer:
            raise SignInFailed(
                "The identity provider is another than the settings name.", "Correct web.oidc_issuer."
            )
        return found

    def _fetched(self, url: str) -> Any:
        import httpx

        when, found = self._known.get(url, (0.0, None))
        if found is None or time.monotonic() - when > KEPT_SECONDS:
            try:
                answer = httpx.get(url, timeout=SECONDS)
                found = answer.raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise ServiceAway(
                    "The identity provider does not answer.", "Try again, or sign in with a password."
                ) from error
            self._known[url] = (time.monotonic(), found)
        return found

    def _client(self, back: str) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        return OAuth2Client(
            self._id,
            self._secret,
            scope="openid",
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=SECONDS,
        )
