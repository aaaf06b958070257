"""Messages to people: a row is written with what it tells of, and put into words when it is read.

A service makes its table of `models.NoticeBase`, writes its rows itself, and gives `routes.notice_routes` the function that
finds the words.
"""
