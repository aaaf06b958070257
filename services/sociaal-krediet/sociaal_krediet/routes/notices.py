"""What a borrower is told, and that it was read."""

from __future__ import annotations

from foundation.notices.routes import notice_routes
from sociaal_krediet.models import Notice
from sociaal_krediet.routes.texts import notice_out
from sociaal_krediet.schemas.messages import NoticeOut

router = notice_routes(Notice, NoticeOut, notice_out)
